"""The command line: what each command does with its options, and how it is shown."""

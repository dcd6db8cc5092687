"""The lanes backend: C99 with vector extensions, a centre in each lane."""

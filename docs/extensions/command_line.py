"""The commands of acegen, from their parser: the directive `commands`.

It stands for a section of each command: synopsis, description, arguments, options, and the examples of its help. It is
the last thing on its page.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from acegen.cli.parser import make_parser

WIDTH = 84
"""Of a synopsis, in characters."""

_CODE = r"((?<![\w-])--?[a-z][\w-]*|'[^']*'|\b\w*\.(?:toml|yace|ace|yaml|npz|xyz|json)\b|\b[a-z]+_\w+)"


def reference(parser: argparse.ArgumentParser) -> str:
    """All commands of a parser as Markdown, one section each."""
    return "\n".join(line for command, summary in commands(parser) for line in _section(command, summary))


def commands(parser: argparse.ArgumentParser) -> Iterator[tuple[argparse.ArgumentParser, str]]:
    """The parser itself, its commands and theirs, each with the line that the list of commands has about it."""
    yield parser, ""
    for group in parser._actions:
        if isinstance(group, argparse._SubParsersAction):
            summaries = {choice.dest: choice.help or "" for choice in group._choices_actions}
            for name, command in group.choices.items():
                if name in summaries:  # no aliases, no commands without help: these are not for people
                    yield command, summaries[name]
                    yield from ((inner, text) for inner, text in commands(command) if inner is not command)


def options(command: argparse.ArgumentParser) -> Iterator[tuple[str, list[argparse.Action]]]:
    """Groups of arguments and options, each with its heading; help, subcommands and hidden ones left out."""
    for group in command._action_groups:
        shown = [action for action in group._group_actions if _is_shown(action)]
        if shown:
            title = {"positional arguments": "arguments", "optional arguments": "options"}.get(group.title or "")
            yield title or group.title or "", shown


def _is_shown(action: argparse.Action) -> bool:
    unseen = (argparse._HelpAction, argparse._SubParsersAction)
    return not isinstance(action, unseen) and action.help is not argparse.SUPPRESS


def _section(command: argparse.ArgumentParser, summary: str) -> Iterator[str]:
    """One command: heading, summary, synopsis, description, options, epilog."""
    formatter = argparse.HelpFormatter(command.prog, width=WIDTH)
    formatter.add_usage(command.usage, command._actions, command._mutually_exclusive_groups, prefix="")
    yield from ("", f"## `{command.prog}`", "")
    if summary:
        yield from (f"{_escaped(summary[:1].upper() + summary[1:])}.", "")
    yield from ("```text", formatter.format_help().strip(), "```", "")
    yield from (_escaped(command.description or ""), "")
    for title, actions in options(command):
        description = next((group.description for group in command._action_groups if group.title == title), None)
        yield from (f"**{title[:1].upper()}{title[1:]}**" + (f": {_escaped(description)}" if description else ""), "")
        for action in actions:
            yield from (" or ".join(f"`{form}`" for form in forms(action)), f": {_escaped(_help(command, action))}", "")
    yield from _table_of_commands(command)
    if command.epilog:
        yield from ("```text", *command.epilog.rstrip().splitlines(), "```", "")


def _table_of_commands(command: argparse.ArgumentParser) -> Iterator[str]:
    """Links to the commands of a command."""
    inner = [(each, text) for each, text in commands(command) if each.prog.rsplit(" ", 1)[0] == command.prog and text]
    if inner:
        yield from ("| command | |", "|---|---|")
        for below, text in inner:
            yield f"| [`{below.prog}`](#{below.prog.replace(' ', '-')}) | {_escaped(text)} |"
        yield ""


def forms(action: argparse.Action) -> list[str]:
    """The ways of writing an argument or option, as in its help."""
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if action.choices is not None and action.metavar is None:
        metavar = "{" + ",".join(map(str, action.choices)) + "}"
    if not action.option_strings:
        return [f"{metavar} ..." if action.nargs in ("+", "*") else metavar]
    if action.nargs == 0:
        return list(action.option_strings)
    value = f"[{metavar}]" if action.nargs == "?" else metavar
    return [f"{option} {value}" for option in action.option_strings]


def _help(command: argparse.ArgumentParser, action: argparse.Action) -> str:
    """The help of an action, with its defaults filled in."""
    return command._get_formatter()._expand_help(action) if action.help else ""


def _escaped(text: str) -> str:
    """Plain text as Markdown: what looks like an option, a file or a variable is code."""
    parts = re.split(_CODE, text)
    return "".join(
        f"`{part.strip(chr(39))}`" if k % 2 else re.sub(r"([\\`*_$<>\[\]|{}])", r"\\\1", part)
        for k, part in enumerate(parts)
    )


class CommandsDirective(SphinxDirective):
    """The directive `commands`."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # what it is made from is no file of the documentation
        place, lines = nodes.container(), reference(make_parser()).splitlines()
        self.state.nested_parse(StringList(lines, source=self.get_location()), 0, place, match_titles=True)
        return list(place.children)  # none: sections go where the page's other sections are


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known to Sphinx."""
    app.add_directive("commands", CommandsDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

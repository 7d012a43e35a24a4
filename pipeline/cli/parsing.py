"""Invoke's reading of the command line, made strict: one command, and exit 2 with what may have been meant."""

import difflib
import inspect
import re
from collections.abc import Iterable, Sequence
from typing import Any

from invoke.exceptions import Exit, ParseError
from invoke.program import Program

from pipeline.cli.completion import completed
from pipeline.cli.guide import family, help_of
from pipeline.cli.terminal import MISTAKE, ROOT, aside, out
from pipeline.session.limits import limited

UNKNOWN = re.compile(r"No idea what '(.*)' is!")
TARGETS = ("sandbox", "preview", "production")


def wanted(words: Sequence[str]) -> list[str]:
    """``words`` as Invoke understands them: a question for help goes before the command that it is about."""
    if words[0] in ("help", "--help", "-h"):
        return ["--help", *words[1:2]]
    return ["--help", words[0]] if {"--help", "-h"} & set(words[1:]) and not words[0].startswith("-") else list(words)


class Strict(Program):
    """Invoke, leaving with exit 2 for what it does not understand: its own 1 would mean a release that was blocked."""

    def __init__(self, shown: str, typing: Sequence[str] | None = None, **more: Any) -> None:
        """``shown``: what people type to start it. ``typing``: the words so far, when a Tab asks how they may go on."""
        super().__init__(**more)
        self.shown, self.typing = shown, typing

    def parse_tasks(self) -> None:
        try:
            super().parse_tasks()
        except ParseError as error:
            raise self._no(self._meant(str(error), error.context)) from error
        if len(self.tasks) > 1:
            first, second = (str(context.name) for context in self.tasks[:2])
            raise self._no(f"{self.shown} {first} {second}: {_target(second) or 'one command at a time'}")

    def parse_cleanup(self) -> None:
        if self.typing is not None:
            for one in completed(self.typing, ROOT, self.parser.contexts):
                out(one)
            raise Exit
        family, command = self.args.list.value, self.args.help.value
        if isinstance(command, str) and command not in self.parser.contexts:
            raise self._no(self._meant(f"No idea what '{command}' is!", None))
        if isinstance(family, str) and family not in self.collection.collections:
            near = _near(family, self.collection.collections)
            raise self._no(f"there is no family {family}{near} {self.shown} --list shows all")
        super().parse_cleanup()

    def execute(self) -> None:
        with limited(str(self.tasks[0].name) if self.tasks else "", aside):
            super().execute()

    def print_task_help(self, name: str) -> None:
        out(help_of(self.collection[name], self.parser.contexts[name].help_tuples(), name, self.shown))

    def list_flat(self) -> None:
        root = f"{self.list_root}." if self.list_root else ""
        names = sorted(self.scoped_collection.task_names)
        does = {f"{root}{one}": inspect.getdoc(self.scoped_collection[one]) or "" for one in names}
        out(family(does))

    def _meant(self, says: str, context: Any) -> str:
        found = UNKNOWN.fullmatch(says)
        if not found:
            return f"{self.shown}: {says}"
        said, of = found.group(1), str(context.name or "") if context is not None else ""
        if said.startswith("-"):
            near = _near(said, context.flags if context is not None else self.initial_context.flags)
            whose, shown = f" of {of}" if of else "", f"{self.shown} help {of or 'COMMAND'}"
            return f"there is no flag {said}{whose}{near} {shown} shows them"
        if of and _target(said):
            return f"{self.shown} {of} {said}: {_target(said)}"
        return f"there is no command {said}{_near(said, self.parser.contexts)} {self.shown} --list shows all"

    @staticmethod
    def _no(says: str) -> Exit:
        return Exit(f"error: {says}", MISTAKE)


def _target(word: str) -> str:
    return f"a target is named with --target {word}" if word in TARGETS else ""


def _near(said: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(said, list(known), n=2)
    return f"; did you mean {' or '.join(near)}?" if near else ";"

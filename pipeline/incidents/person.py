"""Answers the questions of a playbook: somebody at a terminal does, or nobody."""

from typing import Protocol


class Person(Protocol):
    """A person who sits at the terminal. ``auto``: nobody is there, and what only a person can do stays undone."""

    auto: bool

    def say(self, text: str) -> None: ...

    def agrees(self, question: str, default: bool) -> bool:
        """Ask a question that is answered by yes or no; Enter is ``default``."""
        ...

    def writes(self, question: str) -> str:
        """Ask for one line of text; empty when there is nothing to say."""
        ...


class Nobody:
    """Answers with ``--auto``: takes the machine's proposal each time, and writes nothing."""

    auto = True

    def __init__(self, say: "Person | None" = None) -> None:
        self._say = say

    def say(self, text: str) -> None:
        if self._say:
            self._say.say(text)

    def agrees(self, question: str, default: bool) -> bool:
        return default

    def writes(self, question: str) -> str:
        return ""

"""Who answers the questions of a playbook: somebody at a terminal, or nobody."""

from typing import Protocol


class Person(Protocol):
    """``auto``: nobody is there, and what only a person can do stays undone."""

    auto: bool

    def say(self, text: str) -> None: ...

    def agrees(self, question: str, default: bool) -> bool:
        """Yes or no; Enter is ``default``."""
        ...

    def writes(self, question: str) -> str:
        """One line; empty when there is nothing to say."""
        ...


class Nobody:
    """``--auto``: takes the machine's proposal each time, and writes nothing."""

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

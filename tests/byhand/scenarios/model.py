"""What a reader types in one situation, and what must come of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.byhand.reader import Reader
from tests.vendors.world import Ran

Effect = Callable[[Reader, Ran], Any]


@dataclass(frozen=True)
class Typed:
    """``prints`` is looked for in what is shown; ``effect`` must hold afterwards.

    ``before`` is what happens just before; ``says`` is typed ahead; ``asked`` answers questions at a terminal.
    """

    text: str
    prints: str = ""
    effect: Effect | None = None
    expect: int = 0
    says: str = ""
    asked: tuple[tuple[str, str], ...] = ()
    before: Callable[[Reader], Any] | None = None


@dataclass(frozen=True)
class Scenario:
    """``prepare`` makes the state; two releases are behind every reader. ``lacks`` says what this machine has not."""

    name: str
    typed: tuple[Typed, ...]
    prepare: Callable[[Reader], Any] = lambda reader: None
    needs: tuple[str, ...] = ()

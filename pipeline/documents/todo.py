"""``runbooks/actions.yml``: what reviews and drills found wanting in the runbooks. Each stays red until it is done."""

import datetime
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import yaml

from pipeline.errors import Mistake
from pipeline.home import as_typed, command_in

FILE = "runbooks/actions.yml"
HEAD = """\
# What reviews and drills found wanting. `./inv runbooks --check` fails while one of them is open;
# `./inv runbooks.done ID` closes it. Take nothing out: it is also the record of what was improved.
"""


@dataclass(frozen=True)
class Action:
    """An action makes a runbook better. ``source``: the incident or drill; ``done``: date and who, once done."""

    id: str
    what: str
    where: str = ""
    """Page, or page#section."""
    source: str = ""
    since: str = ""
    done: str = ""

    @property
    def line(self) -> str:
        where = f" ({self.where})" if self.where else ""
        return f"{self.id}: {self.what}{where}, from {self.source} of {self.since}"


def actions(root: Path) -> tuple[Action, ...]:
    """All actions of a checkout, in the file's order. Raises Mistake naming what is wrong with the file."""
    path = root / FILE
    if not path.is_file():
        return ()
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8")) or []
        return tuple(Action(**{key: str(value or "") for key, value in entry.items()}) for entry in raw)
    except (OSError, yaml.YAMLError, TypeError, AttributeError) as error:
        raise Mistake(f"{FILE}: is no list of actions: {error}") from error


def add(root: Path, source: str, wanted: Iterable[tuple[str, str]], today: datetime.date) -> tuple[Action, ...]:
    """Adds an action for each (where, what); an open one in the same words is not added twice. Returns what is new."""
    known = actions(root)
    there = {(action.where, action.what) for action in known if not action.done}
    new = [
        Action(f"{source}-{number}", what, where, source, today.isoformat())
        for number, (where, what) in enumerate(wanted, 1 + sum(action.source == source for action in known))
        if (where, what) not in there
    ]
    if new:
        _write(root, (*known, *new))
    return tuple(new)


def finish(root: Path, id: str, by: str, today: datetime.date) -> Action:
    """Marks one action as done. Raises Mistake when there is no such action."""
    known = actions(root)
    found = next((action for action in known if action.id == id), None)
    if found is None:
        still = ", ".join(action.id for action in known if not action.done) or "none"
        raise Mistake(f"runbooks.done {id}: there is no such action; open: {still}")
    done = replace(found, done=found.done or f"{today.isoformat()} by {by}")
    _write(root, [done if action.id == id else action for action in known])
    return done


def open_actions(root: Path) -> tuple[Action, ...]:
    """The actions that are not done."""
    return tuple(action for action in actions(root) if not action.done)


def _write(root: Path, every: Iterable[Action]) -> None:
    text = yaml.safe_dump([asdict(action) for action in every], sort_keys=False, allow_unicode=True, width=110)
    try:
        (root / FILE).parent.mkdir(parents=True, exist_ok=True)
        (root / FILE).write_text(as_typed(HEAD, command_in(root)) + text, encoding="utf-8")
    except OSError as error:
        raise Mistake(f"{FILE}: cannot be written: {error.strerror}") from error

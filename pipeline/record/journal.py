"""The record of runs: append-only, written before the next thing happens. Logs are not the journal."""

import contextlib
import dataclasses
import datetime
import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.errors import ServiceError
from pipeline.record.bounded import DEADLINE, Store
from pipeline.record.chain import Row
from pipeline.record.spill import Spill
from pipeline.redact import Redactor

if TYPE_CHECKING:
    from checks.evidence import BadRelease

NOW = Callable[[], datetime.datetime]
NEWEST_FIRST = (
    "order by (select at from deploy_events where run = begun.run order by seq desc limit 1) desc,"
    " (select max(seq) from deploy_events where run = begun.run) desc"
)
BUILT = "kind = 'step done' and subject = 'build'"
ATOMS = frozenset({str, int, bool, float, type(None)})


@dataclass(frozen=True)
class Event:
    """One line of the record. ``kind`` is two words, e.g. ``step begins``; ``subject`` is the node it is about."""

    run: str
    at: str
    kind: str
    subject: str
    body: Mapping[str, Any]


Listener = Callable[[Event], None]


class Journal:
    """Appends events of one run and tells its listeners, in that order.

    ``goes_on``: what cannot be written is no error any more: it and all that follows is kept in ``spill``, or at least
    here. ``unwritten`` says why, from then on. ``earlier``: the events of the run before this process.
    """

    def __init__(
        self,
        store: Store,
        run: str,
        now: NOW,
        redactor: Redactor,
        listeners: Iterable[Listener] = (),
        *,
        spill: Spill | None = None,
        earlier: Iterable[Event] = (),
    ) -> None:
        self.run = run
        self._store, self._now, self._redactor = store, now, redactor
        self.listeners = tuple(listeners)
        self._spill, self._earlier, self._own = spill, tuple(earlier), list[Event]()
        self.goes_on = False
        self.unwritten = ""

    def append(self, kind: str, subject: str = "", *, exact: Mapping[str, Any] | None = None, **body: Any) -> None:
        """Record an event; returns when it is on disk. Raises ServiceError, unless the run goes on without.

        Everything is redacted but ``exact``: evidence, which holds no secret and has to come back as it was.
        """
        kept = {**self._redactor.deep(plain(body)), **plain(exact or {})}
        event = Event(self.run, self._now().isoformat(), kind, subject, kept)
        self._keep(event)
        for listener in self.listeners:
            with contextlib.suppress(Exception):  # a terminal that is gone must not stop a rollback
                listener(event)

    def events(self) -> tuple[Event, ...]:
        """All events of this run so far, oldest first; those that are known here when the store cannot say."""
        if not self.unwritten:
            with contextlib.suppress(ServiceError):
                return events_of(self._store, self.run)
        return (*self._earlier, *self._own)

    def _keep(self, event: Event) -> None:
        if not self.unwritten:
            try:
                self._store.append(_row(event), new=True)
            except ServiceError as error:
                if not self.goes_on:
                    raise
                self.unwritten = str(error)
                self._aside(*self._earlier, *self._own)  # the store may be gone, with all that it had
        self._own.append(event)
        if self.unwritten:
            self._aside(event)

    def _aside(self, *events: Event) -> None:
        if self._spill is None:
            return
        try:
            self._spill.add(map(_row, events))
        except OSError as error:
            self.unwritten, self._spill = f"{self.unwritten}; nor could they be kept beside it: {error}", None

    def catch_up(self) -> bool:
        """Write what could not be written, if it can be now; whether the record is whole."""
        began = time.monotonic()
        try:
            for row in self._missing() if self.unwritten else ():
                if time.monotonic() - began > DEADLINE:
                    return False
                self._store.append(row)
        except ServiceError:
            return False
        if self.unwritten and self._spill:
            self._spill.remove()
        self.unwritten = ""
        return True

    def _missing(self) -> tuple[Row, ...]:
        """What is known here of this run and the store does not have. Raises ServiceError."""
        there = set(map(_row, events_of(self._store, self.run)))
        return tuple(row for row in map(_row, (*self._earlier, *self._own)) if row not in there)

    def is_continued(self) -> bool:
        """Whether somebody else has written events of this run since this process began. Raises ServiceError."""
        return len(events_of(self._store, self.run)) > len(self._earlier) + len(self._own)

    @property
    def place(self) -> str:
        """Where the events are that the journal does not have."""
        return str(self._spill.path) if self._spill else ""


def _row(event: Event) -> Row:
    return event.run, event.at, event.kind, event.subject, json.dumps(event.body)


def events_of(store: Store, run: str) -> tuple[Event, ...]:
    """All events of ``run``, oldest first."""
    rows = store.execute("select run, at, kind, subject, body from deploy_events where run = ? order by seq", run)
    return tuple(Event(r, at, kind, subject, json.loads(body)) for r, at, kind, subject, body in rows)


def events_of_kind(store: Store, run: str, kind: str) -> tuple[Event, ...]:
    """The events of ``run`` that are of that kind, oldest first."""
    sql = "select run, at, kind, subject, body from deploy_events where run = ? and kind = ? order by seq"
    rows = store.execute(sql, run, kind)
    return tuple(Event(r, at, kind, subject, json.loads(body)) for r, at, kind, subject, body in rows)


def events_after(store: Store, run: str, seq: int) -> list[tuple[int, Event]]:
    """The events of ``run`` after the number ``seq``, oldest first, each with its number."""
    sql = "select seq, run, at, kind, subject, body from deploy_events where run = ? and seq > ? order by seq"
    rows = store.execute(sql, run, seq)
    return [(int(seq), Event(r, at, kind, subject, json.loads(body))) for seq, r, at, kind, subject, body in rows]


def latest_runs(store: Store, limit: int) -> tuple[str, ...]:
    """Ids of the runs with the newest events, newest first.

    A run is what has begun as one, whatever it is called; checklists, incidents and drills begin otherwise. By the time
    and not by the number: what was taken in from another record is older than it is long here.
    """
    sql = f"select run from deploy_events begun where kind = 'run begins' {NEWEST_FIRST} limit ?"
    return tuple(row[0] for row in store.execute(sql, limit))


def unfinished_runs(store: Store) -> tuple[str, ...]:
    """Ids of all runs without an end, the one with the newest event first: under way, or cut off."""
    ended = "exists (select 1 from deploy_events where kind = 'run ended' and run = begun.run)"
    sql = f"select run from deploy_events begun where kind = 'run begins' and not {ended} {NEWEST_FIRST}"
    return tuple(row[0] for row in store.execute(sql))


def taken_back(store: Store) -> frozenset[str]:
    """Ids of the deployments that were rolled back from: nobody should go back to one of those unasked."""
    sql = f"select run, kind, subject, body from deploy_events where kind = 'run ended' or {BUILT} order by seq"
    made: dict[str, str] = {}
    bad = set()
    for run, kind, subject, text in store.execute(sql):
        body = json.loads(text)
        if (kind, subject) == ("step done", "build"):
            made[run] = body["gives"]["value"]["id"]
        elif body.get("outcome") in ("rolled back", "stranded"):
            bad |= {made.get(run, ""), body.get("taken_back", "")}
    return frozenset(bad - {""})


def known_bad(store: Store) -> tuple["BadRelease", ...]:
    """Releases that were taken back because they were bad, oldest first. An interrupted run says nothing of its own."""
    from checks.evidence import BadRelease  # the emergency loads this module, but not that

    sql = f"select run, at, kind, subject, body from deploy_events where kind = 'release bad' or {BUILT} order by seq"
    commits: dict[str, str] = {}
    made: dict[str, str] = {}
    found = []
    for run, at, kind, subject, text in store.execute(sql):
        body = json.loads(text)
        if (kind, subject) == ("step done", "build"):
            made[run] = body["gives"]["value"]["id"]
            commits[run] = body["gives"]["value"]["commit"]
        elif kind == "release bad":
            deployment, commit = body.get("deployment") or made.get(run, ""), body.get("commit", commits.get(run, ""))
            found.append(BadRelease(deployment, commit, run, at, body["reason"]))
    return tuple(found)


def new_run_id(now: datetime.datetime) -> str:
    """Make an id for a run: it sorts by time, can be typed, and is not the same twice."""
    return f"{now.astimezone(datetime.UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def plain(value: Any) -> Any:
    """``value`` as JSON has it: dataclasses become objects, sets and tuples arrays, times ISO 8601."""
    made = value.__class__  # what nearly all that is written down is made of, first
    if made in ATOMS:
        return value
    if made is dict or isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, frozenset | set):
        return sorted(plain(item) for item in value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    return value

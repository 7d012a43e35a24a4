"""The record of runs: append-only, written before the next thing happens. Logs are not the journal."""

import contextlib
import dataclasses
import datetime
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.record.store import Store
from pipeline.redact import Redactor

if TYPE_CHECKING:
    from checks.evidence import BadRelease

NOW = Callable[[], datetime.datetime]
OF_RUNS = "where run in (select run from deploy_events where kind = 'run begins')"


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
    """Appends events of one run and tells its listeners, in that order."""

    def __init__(
        self, store: Store, run: str, now: NOW, redactor: Redactor, listeners: Iterable[Listener] = ()
    ) -> None:
        self.run = run
        self._store, self._now, self._redactor = store, now, redactor
        self.listeners = tuple(listeners)

    def append(self, kind: str, subject: str = "", *, exact: Mapping[str, Any] | None = None, **body: Any) -> None:
        """Record an event; returns when it is on disk.

        Everything is redacted but ``exact``: evidence, which holds no secret and has to come back as it was.
        """
        kept = {**self._redactor.deep(plain(body)), **plain(exact or {})}
        event = Event(self.run, self._now().isoformat(), kind, subject, kept)
        self._store.execute(
            "insert into deploy_events (run, at, kind, subject, body) values (?, ?, ?, ?, ?)",
            event.run,
            event.at,
            event.kind,
            event.subject,
            json.dumps(event.body),
        )
        for listener in self.listeners:
            with contextlib.suppress(OSError):  # a terminal that is gone must not stop a rollback
                listener(event)

    def events(self) -> tuple[Event, ...]:
        """All events of this run so far, oldest first."""
        return events_of(self._store, self.run)


def events_of(store: Store, run: str) -> tuple[Event, ...]:
    """All events of ``run``, oldest first."""
    rows = store.execute("select run, at, kind, subject, body from deploy_events where run = ? order by seq", run)
    return tuple(Event(r, at, kind, subject, json.loads(body)) for r, at, kind, subject, body in rows)


def latest_runs(store: Store, limit: int) -> tuple[str, ...]:
    """Ids of the runs with the newest events, newest first.

    A run is what has begun as one, whatever it is called; checklists, incidents and drills begin otherwise.
    """
    rows = store.execute(f"select run from deploy_events {OF_RUNS} group by run order by max(seq) desc limit ?", limit)
    return tuple(row[0] for row in rows)


def unfinished_runs(store: Store) -> tuple[str, ...]:
    """Ids of all runs without an end, the one with the newest event first: under way, or cut off."""
    ended = "run not in (select run from deploy_events where kind = 'run ended')"
    rows = store.execute(f"select run from deploy_events {OF_RUNS} and {ended} group by run order by max(seq) desc")
    return tuple(row[0] for row in rows)


def taken_back(store: Store) -> frozenset[str]:
    """Ids of the deployments that were rolled back from: nobody should go back to one of those unasked."""
    sql = "select run, kind, subject, body from deploy_events where kind in ('run ended', 'step done') order by seq"
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

    kinds = "('step done', 'release bad')"
    sql = f"select run, at, kind, subject, body from deploy_events where kind in {kinds} order by seq"
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
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(plain(item) for item in value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    return value

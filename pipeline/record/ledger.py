"""The journal as a ledger: whether anything in it was changed, copies of it, and what is let go of after a time."""

import datetime
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.errors import Mistake
from pipeline.record.bounded import COLUMNS, Store
from pipeline.record.chain import START, Row, link
from pipeline.record.untold import OWED, PAID

PAGE = 2000  # events read at a time, so that memory does not grow with the history
MOST = 20  # faults that are named


@dataclass(frozen=True)
class Entry:
    """An event with its number and its hash; the hash is empty when it was written by a tool that knew no chain."""

    seq: int
    row: Row
    hash: str

    def __str__(self) -> str:
        run, at, kind, subject, _ = self.row
        return f"event {self.seq} ({run}, {at[:19]}, {' '.join(filter(None, (kind, subject)))})"


@dataclass(frozen=True)
class Anchor:
    """A hash that stands for the first ``events`` events, up to the number ``seq``. ``trimmed``: they are gone."""

    seq: int
    hash: str
    events: int
    trimmed: bool


@dataclass(frozen=True)
class ChainReading:
    """What a look at the whole chain found. ``head``: the hash of the last event, empty when there is none.

    ``trimmed``: how many events were let go of, and are covered by an anchor. ``faults``: one sentence each.
    """

    events: int
    head: str
    trimmed: int
    faults: tuple[str, ...]


def entries(store: Store, after: int = 0) -> Iterator[Entry]:
    """All events after the number ``after``, oldest first."""
    sql = f"select seq, {COLUMNS}, hash from deploy_events where seq > ? order by seq limit {PAGE}"
    while page := store.execute(sql, after):
        yield from map(_entry, page)
        after = page[-1][0]


def _entry(found: tuple[Any, ...]) -> Entry:
    seq, run, at, kind, subject, body, hash = found
    return Entry(seq, (run, at, kind, subject, body), hash or "")


def anchors(store: Store) -> tuple[Anchor, ...]:
    """All anchors, oldest first."""
    rows = store.execute("select seq, hash, events, reason from deploy_anchors order by seq")
    return tuple(Anchor(seq, hash, events, reason == "trimmed") for seq, hash, events, reason in rows)


def check(store: Store) -> ChainReading:
    """Compute the whole chain anew, and compare it with what is written down. Raises ServiceError."""
    start, later = beginning(store)
    return checked(entries(store), start, later)


def beginning(store: Store) -> tuple[Anchor, tuple[Anchor, ...]]:
    """Where the chain that is kept begins, and the hashes that it has to have further on."""
    known = anchors(store)
    start = next((one for one in reversed(known) if one.trimmed), Anchor(0, START, 0, trimmed=True))
    return start, tuple(one for one in known if not one.trimmed and one.seq > start.seq)


def checked(found: Iterable[Entry], start: Anchor, later: Iterable[Anchor] = ()) -> ChainReading:
    """Compute the chain of ``found`` from ``start`` on. ``later``: hashes that it has to have at their numbers."""
    faults: list[str] = []
    loose: list[Entry] = []
    head, events, last = start.hash, 0, start.seq
    waiting = sorted(later, key=lambda one: one.seq)

    def passed(seq: int) -> None:
        nonlocal head
        while waiting and waiting[0].seq < seq:
            anchor = waiting.pop(0)
            if head != anchor.hash:
                faults.append(
                    f"something up to event {anchor.seq} was changed, removed or added: it is not what it was"
                )
                head = anchor.hash

    for entry in found:
        passed(entry.seq)
        if entry.seq <= start.seq:
            faults.append(f"{entry} should be gone: the record was trimmed up to event {start.seq}")
            continue
        head = link(head, entry.row)
        if entry.hash and entry.hash != head:
            faults.append(f"{entry}, or what stood between it and event {last}, was changed, removed or added")
            head = entry.hash
        loose = [*loose, entry] if not entry.hash and entry.seq > max((one.seq for one in later), default=0) else []
        events, last = events + 1, entry.seq
    passed(last + 1)
    faults += [f"an anchor at event {one.seq} covers what is not there: the end is missing" for one in waiting]
    if loose:
        how = "written around it, or by an older version of this tool"
        faults.append(f"{loose[0]} and what follows it, {len(loose)} in all, is not in the chain: {how}")
    return ChainReading(events, head if events or start.events else "", start.events, tuple(faults[:MOST]))


def differences(ours: Iterable[Entry], theirs: Iterable[Entry]) -> tuple[int, int, int]:
    """How many events both have, and how many only one of them: ours alone, theirs alone."""
    digests = [{hashlib.sha256(repr(one.row).encode()).digest() for one in copy} for copy in (ours, theirs)]
    both = len(digests[0] & digests[1])
    return both, len(digests[0]) - both, len(digests[1]) - both


def trimmable(store: Store, before: datetime.datetime) -> Entry | None:
    """The last event that can be let go of: it and all before it are older, and belong to runs that are over by then.

    A run is kept whole: one with a newer event, or without an end, keeps itself and all that came after it. So does an
    incident that nobody has resolved, and what GitHub is still to be told.
    """
    moment = before.astimezone(datetime.UTC).isoformat()
    kept = store.execute(
        "select min(seq) from deploy_events where run in (select run from deploy_events where at >= ?)"
        " or run in (select run from deploy_events where kind = 'run begins')"
        " and run not in (select run from deploy_events where kind = 'run ended')"
        " or run in (select run from deploy_events where kind = 'incident opened')"
        " and run not in (select run from deploy_events where kind = 'incident resolved')"
        " or kind = ? and not exists (select 1 from deploy_events later where later.subject = deploy_events.subject"
        " and later.kind in (?, ?) and later.seq > deploy_events.seq)",
        *(moment, OWED, OWED, PAID),
    )[0][0]
    rows = store.execute(
        f"select seq, {COLUMNS}, hash from deploy_events where seq < ? order by seq desc limit 1",
        kept if kept is not None else 2**62,
    )
    return next(map(_entry, rows), None)


def trim(store: Store, last: Entry, before: datetime.datetime, now: datetime.datetime) -> int:
    """Let go of ``last`` and everything before it, and of readings from before; an anchor keeps the chain true.

    Gives how many events are gone. Raises Mistake when the chain is not true up to there.
    """
    start, later = beginning(store)
    _remove(store, start.seq)  # what an earlier call could not end
    upto = (entry for entry in entries(store) if entry.seq <= last.seq)
    found = checked(upto, start, [one for one in later if one.seq <= last.seq])
    if found.faults:
        raise Mistake(f"journal.trim: the record is not what it was, so nothing was let go of: {found.faults[0]}")
    store.execute(
        "insert into deploy_anchors (seq, hash, events, at, reason) values (?, ?, ?, ?, 'trimmed')",
        *(last.seq, found.head, start.events + found.events, now.astimezone(datetime.UTC).isoformat()),
    )
    _remove(store, last.seq)
    moment = before.astimezone(datetime.UTC).isoformat(timespec="milliseconds")
    store.execute("delete from deploy_samples where at < ?", moment)
    return found.events


def _remove(store: Store, last: int) -> None:
    """Remove the events up to number ``last``, some at a time: a statement has a deadline."""
    some = f"select seq from deploy_events where seq <= ? order by seq limit {10 * PAGE}"
    while store.execute(f"delete from deploy_events where seq in ({some}) returning 1", last):
        pass

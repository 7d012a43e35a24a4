"""Copies of the journal as a file of JSON lines: whoever has only that can see whether it is whole, and who signed it.

The first line says what it is and where its chain begins; then one line an event, with its hash and the hash before it;
then the readings; then the end, with a digest of all lines above; and a signature, if somebody gave one.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import Mistake
from pipeline.record.bounded import Store
from pipeline.record.chain import Row, link
from pipeline.record.ledger import MOST, PAGE, Anchor, Entry, beginning, checked, differences, entries

FORMAT = "deploy-journal/1"
NAMESPACE = "deploy-journal"
"""What a signature of a copy is for; one that was made for something else proves nothing here."""
READING = "at, target, run, release, metric, value"
NEW_READINGS = f"""
with new ({READING}) as (values {{rows}})
insert into deploy_samples ({READING}) select {READING} from new
where not exists (select 1 from deploy_samples s where s.target = new.target and s.metric = new.metric and s.at = new.at
                  and s.value = new.value and s.run = new.run and s.release = new.release)"""


@dataclass(frozen=True)
class Signed:
    """Who says that they signed, when (ISO 8601), and the signature of ``said(digest)``, as one line."""

    by: str
    at: str
    signature: str

    def said(self, digest: str) -> str:
        """The text that is signed: the digest of the copy, the name and the moment."""
        return f"{FORMAT}\n{digest}\n{self.by}\n{self.at}\n"


@dataclass(frozen=True)
class Copy:
    """A copy that was read. ``run``: the only one it has, or empty; ``faults``: one sentence each."""

    run: str
    start: Anchor
    events: int
    head: str
    readings: int
    digest: str
    signed: Signed | None
    faults: tuple[str, ...]


def write(store: Store, path: Path, made: str, run: str = "", sign: Callable[[str], Signed] | None = None) -> Copy:
    """Write a copy of everything, or of one ``run``. Raises Mistake for a run that is not there, or a broken chain.

    ``made``: ISO 8601. ``sign`` is given the digest. The file appears whole, or not at all,
    and is its owner's alone, as the record is.
    """
    start, later = beginning(store)
    digest, count, readings, head = hashlib.sha256(), 0, 0, start.hash
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:

            def put(value: object) -> None:
                line = json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n"
                digest.update(line.encode())
                file.write(line)

            put({"format": FORMAT, "made": made, "run": run, "seq": start.seq, "hash": head, "events": start.events})

            def passing() -> Iterator[Entry]:
                nonlocal head, count
                for entry in entries(store):
                    before, head = head, link(head, entry.row)
                    if not run or entry.row[0] == run:
                        put({"seq": entry.seq, "before": before, "event": entry.row, "hash": head})
                        count += 1
                    yield entry

            found = checked(passing(), start, later)
            if found.faults:
                raise Mistake(f"journal.export: the record is not what it was; ./inv journal.verify: {found.faults[0]}")
            if run and not count:
                raise Mistake(f"journal.export: --run {run}: there is no such run; ./inv history lists them")
            for reading in _readings(store, run):
                put({"reading": reading})
                readings += 1
            put({"end": {"events": count, "readings": readings, "head": head}})
            text = digest.hexdigest()
            signed = sign(text) if sign else None
            if signed:
                file.write(json.dumps({"signed": vars(signed)}) + "\n")
        part.replace(path)
    except OSError as error:
        raise Mistake(f"--to {path}: cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return Copy(run, start, count, head, readings, text, signed, ())


def _readings(store: Store, run: str) -> Iterator[list[Any]]:
    last, of = 0, "and run = ?" if run else ""
    sql = f"select seq, {READING} from deploy_samples where seq > ? {of} order by seq limit {PAGE}"
    while page := store.execute(sql, last, *([run] if run else [])):
        for row in page:
            yield list(row[1:])
        last = page[-1][0]


def read(
    path: Path, event: Callable[[Row], None] | None = None, reading: Callable[[list[Any]], None] | None = None
) -> Copy:
    """Read a copy from its first line to its last, and compare every hash. What it has is given to the two functions.

    Raises Mistake for a file that cannot be read, or is none of these.
    """
    digest, faults, head, events, readings = hashlib.sha256(), list[str](), "", 0, 0
    first: dict[str, Any] = {}
    end: dict[str, Any] | None = None
    signed: Signed | None = None
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                found = _object(line, path, number)
                if number == 1:
                    first = _first(found, path)
                    head = first["hash"]
                elif "signed" in found:
                    signed = Signed(**found["signed"])
                    continue
                elif end is not None:
                    faults.append(f"line {number} stands after the end")
                    continue
                if "event" in found:
                    before, row = found["before"], tuple(map(str, found["event"]))
                    if not first["run"] and before != head:
                        faults.append(f"line {number}: the event before it is missing, or another one")
                    head = found["hash"]
                    if len(row) != 5 or link(before, row) != head:
                        faults.append(f"line {number}: event {found['seq']} of run {row[0]} was changed")
                    events += 1
                    if event and len(row) == 5:
                        event(row)
                elif "reading" in found:
                    readings += 1
                    if reading:
                        reading(found["reading"])
                elif "end" in found:
                    end = {name: found["end"][name] for name in ("events", "readings", "head")}
                digest.update(line.encode())
    except OSError as error:
        raise Mistake(f"{path}: cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, UnicodeDecodeError) as error:
        raise Mistake(f"{path}: is no copy of a journal: {type(error).__name__} {error}") from error
    if not first:
        raise Mistake(f"{path}: is empty")
    if end is None:
        faults.append("its end is missing")
    elif (end["events"], end["readings"]) != (events, readings) or (not first["run"] and end["head"] != head):
        faults.append(f"it says {end['events']} events and {end['readings']} readings, and has {events} and {readings}")
    start = Anchor(first["seq"], first["hash"], first["events"], trimmed=True)
    return Copy(first["run"], start, events, head, readings, digest.hexdigest(), signed, tuple(faults[:MOST]))


def _object(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Mistake(f"{path}: line {number} is no JSON object; it was cut off, or is no copy of a journal")
    return found


def _first(found: dict[str, Any], path: Path) -> dict[str, Any]:
    if found.get("format") != FORMAT:
        raise Mistake(f"{path}: is no copy of a journal that this version reads ({FORMAT})")
    return {name: found[name] for name in ("run", "seq", "hash", "events")}


def take_in(store: Store, path: Path) -> tuple[Copy, int]:
    """Write what a copy has into ``store``, as far as it is not there; the copy, and how many events were new.

    It is read twice: nothing is written of one that has a fault. Into an empty store the chain goes on as it was. One
    that was cut off is done again: what it had written stays as it is.
    """
    found = read(path)
    if found.faults:
        raise Mistake(f"journal.import {path}: {found.faults[0]}; nothing was taken in")
    ((before,),) = store.execute("select count(*) from deploy_events")
    if not before and not found.run and found.start.events:
        start = found.start
        store.execute(
            "insert into deploy_anchors (seq, hash, events, at, reason) values (?, ?, ?, ?, 'trimmed')"
            " on conflict (seq, reason) do nothing",
            *(0, start.hash, start.events, ""),
        )
    some: list[list[Any]] = []

    def keep(*last: list[Any]) -> None:
        some.extend(last)
        if some and (len(some) == PAGE // 10 or not last):
            rows = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(some))
            store.execute(NEW_READINGS.format(rows=rows), *(v for one in some for v in one))
            some.clear()

    read(path, store.append, keep)
    keep()
    ((after,),) = store.execute("select count(*) from deploy_events")
    return found, after - before


def of_both(store: Store, path: Path) -> tuple[int, int, int]:
    """How many events the record and a copy both have, and how many only the record, only the copy."""
    rows: list[Entry] = []
    found = read(path, lambda row: rows.append(Entry(0, row, "")))
    return differences((one for one in entries(store) if not found.run or one.row[0] == found.run), rows)

"""The record as one SQLite file, for one checkout."""

import contextlib
import datetime
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import Mistake
from pipeline.record import bounded, schema
from pipeline.record.bounded import COLUMNS, THE_SAME, Bounded
from pipeline.record.chain import START, Row, link
from pipeline.record.deadline import within
from pipeline.record.private import RUNS, private_file, private_folder

INSERT = f"insert into deploy_events ({COLUMNS}, hash) select ?, ?, ?, ?, ?, ? where"
UNLESS_THERE = f"not exists ({THE_SAME})"
ON_TOP = "(select hash from deploy_events order by seq desc limit 1) = ?"
LAST = (
    "select seq, hash, coalesce((select max(seq) from deploy_anchors), 0) from deploy_events order by seq desc limit 1"
)


class SqliteStore(Bounded):
    """A file, written through to the disk before ``execute`` returns."""

    errors = (OSError, sqlite3.Error)  # TimeoutError is an OSError

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path, self._head = path, ""
        try:
            within(bounded.DEADLINE, self._open)
        except (OSError, sqlite3.Error) as error:  # TimeoutError is an OSError
            raise Mistake(f"journal: cannot use {path}: {error}; set `state:` in deploy.yml or free it") from error

    def _open(self) -> None:
        if self._path.parent.name == RUNS:
            private_folder(self._path.parent)
        else:  # somebody's own folder: only the file is ours
            self._path.parent.mkdir(parents=True, exist_ok=True)
        private_file(self._path)  # SQLite gives the files beside it the same rights
        self._db = sqlite3.connect(
            self._path, timeout=bounded.DEADLINE - 1, isolation_level=None, check_same_thread=False
        )
        self._db.execute("pragma page_size=2048")  # of a file that is made: each event writes several pages anew
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=full")
        self._make()
        self._file = self._path.stat().st_ino

    def _make(self) -> None:
        """Make the tables, or make them newer: what is there already is linked into the chain by an anchor."""
        if self._version() >= schema.VERSION:
            return
        with self._alone():
            if self._version() < 2:
                made = (schema.FIRST.format(serial="integer primary key autoincrement"), schema.SQLITE_FIRST)
                for text in (*made, schema.SQLITE_SECOND):
                    for statement in _statements(text):
                        self._db.execute(statement)
                if (found := self._unlinked()).events:
                    now = datetime.datetime.now(datetime.UTC).isoformat()
                    anchor = (found.seq, found.hash, found.events, now, "before the chain")
                    self._db.execute("insert into deploy_anchors values (?, ?, ?, ?, ?)", anchor)
            self._db.execute(schema.SQLITE_FOURTH)
            self._db.execute(f"pragma user_version = {schema.VERSION}")

    def _version(self) -> int:
        return int(self._db.execute("pragma user_version").fetchone()[0])

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One transaction that nobody else writes beside."""
        self._db.execute("begin immediate")
        try:
            yield
            self._db.execute("commit")
        except BaseException:
            self._db.execute("rollback")
            raise

    def _unlinked(self) -> "_Tail":
        """Where the chain ends: the last hash, and the events that an older tool has written after it."""
        known = (
            "select seq, hash from deploy_events where hash is not null union all select seq, hash from deploy_anchors"
        )
        found = self._db.execute(f"select seq, hash from ({known}) order by seq desc limit 1").fetchone()
        tail = _Tail(*(found or (0, START)))
        for seq, *row in self._db.execute(
            f"select seq, {COLUMNS} from deploy_events where seq > ? order by seq", (tail.seq,)
        ):
            tail = _Tail(seq, link(tail.hash, row), tail.events + 1)
        return tail

    def _append(self, row: Row, new: bool) -> None:
        """One statement does when nobody else has written since: it looks for itself whether that is so.

        A new event can then be there only as the last, and a call whose answer was lost has not become the head here.
        """
        self._must_be_there()
        if self._head and new and self._written(row, self._head, ON_TOP, self._head):
            return
        if self._head and not new and self._written(row, self._head, f"{UNLESS_THERE} and {ON_TOP}", *row, self._head):
            return
        with self._alone():
            self._written(row, self._last_hash(), UNLESS_THERE, *row)

    def _written(self, row: Row, before: str, where: str, *values: str) -> bool:
        """Whether the event was written, linked to ``before``: it is unless ``where`` says otherwise."""
        hash = link(before, row)
        written = self._db.execute(f"{INSERT} {where}", (*row, hash, *values)).rowcount == 1
        if written:
            self._head = hash
        return written

    def _last_hash(self) -> str:
        """The hash that the next event is linked to; one question tells unless an older tool, or trimming, was last."""
        last = self._db.execute(LAST).fetchone()
        return str(last[1]) if last and last[1] and last[0] >= last[2] else self._unlinked().hash

    def _ask(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        self._must_be_there()
        return self._db.execute(sql, values).fetchall()

    def _must_be_there(self) -> None:
        try:
            same = self._path.stat().st_ino == self._file
        except FileNotFoundError:
            same = False
        if not same:  # SQLite would go on writing into the file that nobody can open any more
            raise FileNotFoundError(f"{self._path} was deleted or replaced while it was in use")

    def close(self) -> None:
        self._db.close()


@dataclass(frozen=True)
class _Tail:
    """Where the chain ends: the last event's number, its hash, and how many there are after the last written hash."""

    seq: int
    hash: str
    events: int = 0


def _statements(text: str) -> Iterator[str]:
    """The statements of a script; a trigger's own end inside it."""
    script = ""
    for part in text.split(";"):
        script += part + ";"
        if sqlite3.complete_statement(script):
            yield script
            script = ""

"""What was taken back before, from every record that can be asked in two seconds; and writing this rollback down there.

Nothing here is a condition: an emergency goes on without a record, and says what it could not know.
"""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.clock import SystemClock, origin
from pipeline.emergency.access import Access
from pipeline.environment import variable
from pipeline.errors import Mistake
from pipeline.record.place import place_to_open

if TYPE_CHECKING:
    from pipeline.record.bounded import Store

PATIENCE = 2.0
LOCAL = "the record of this checkout"
SHARED = "the shared record"


class Memory:
    """The records of ``root``: the file of this checkout, and the shared one that ``state`` of deploy.yml names.

    They are read in the background from the moment that this is made.
    """

    def __init__(self, to: Access, root: Path) -> None:
        self._to, self._root = to, root
        self._clock = SystemClock()
        self._until = self._clock.monotonic() + PATIENCE
        self._places: dict[str, str] = {LOCAL: ""} if (root / ".runs/journal.db").is_file() else {}
        self._shared, self._nowhere = _shared(to, root)
        if self._shared:
            self._places[SHARED] = self._shared
        self._opened: dict[str, Store] = {}
        self._reading = {name: _Background(partial(self._bad, state)) for name, state in self._places.items()}

    def bad(self) -> tuple[frozenset[str], tuple[str, ...]]:
        """The ids of the deployments that were taken back, and what could not be asked, one sentence each."""
        found, unknown = frozenset[str](), [self._nowhere] if self._nowhere else []
        for name, reading in self._reading.items():
            result = reading.result(max(self._until - self._clock.monotonic(), 0))
            if isinstance(result, frozenset):
                found |= result
            else:
                unknown.append(f"{name} was not read ({result}): what was taken back elsewhere is not known")
        return found, tuple(unknown)

    def write(
        self,
        domain: str,
        target: Any,
        was: str,
        was_commit: str,
        why: str,
        overruled: str = "",
        *,
        proved: bool = True,
    ) -> str:
        """Write the rollback down; a sentence when it could not be written where others look.

        ``target``: the deployment that serves now; ``was``: the one that was taken back.
        """

        def into(state: str) -> Callable[[], None]:
            return lambda: self._write(state, domain, target, was, was_commit, why, overruled, proved)

        if self._shared:
            failure = _Background(into(self._shared)).result(PATIENCE)
            if failure is None:
                return ""
            _Background(into("")).result(PATIENCE)
            return f"{SHARED} was not written ({failure}); it is written down in this checkout only"
        failure = _Background(into("")).result(PATIENCE)
        return f"{LOCAL} was not written ({failure})" if failure else self._nowhere

    def _bad(self, state: str) -> frozenset[str]:
        from pipeline.record.journal import taken_back
        from pipeline.record.store import open_store

        store = open_store(state, self._root)
        found = taken_back(store)
        self._opened[state] = store  # it answers, so it is written to in the end
        return found

    def close(self) -> None:
        """Let go of the records that were read and not written to."""
        while self._opened:
            self._opened.popitem()[1].close()

    def _write(
        self, state: str, domain: str, target: Any, was: str, was_commit: str, why: str, overruled: str, proved: bool
    ) -> None:
        from pipeline.record.journal import Journal, new_run_id
        from pipeline.record.store import open_store
        from pipeline.redact import Redactor

        clock, to, who = self._clock, self._to, variable("GITHUB_ACTOR") or variable("USER")
        store = self._opened.pop(state, None) or open_store(state, self._root)
        try:
            journal = Journal(store, new_run_id(clock.now()), clock.now, Redactor((to.token,)))
            journal.append(
                "run begins",
                pipeline="rollback",
                target=to.name,
                commit=target.commit,
                folder="",
                production=origin(domain),
                by=who,
            )
            if overruled:
                journal.append("break glass", reason=overruled, by=who)
            journal.append("release bad", deployment=was, commit=was_commit, reason=why)
            ended, outcome = f"{was} was taken back by hand", "rolled back" if proved else "stranded"
            journal.append("run ended", outcome=outcome, reason=ended if proved else why, taken_back=was)
        finally:
            store.close()


def _shared(to: Access, root: Path) -> tuple[str, str]:
    """The address of the record that others share or deploy.yml names, and a sentence when that is not known here."""
    if not to.state:
        return "", ""
    try:
        return place_to_open(to.state, root, to.unencrypted).address, ""
    except Mistake as mistake:
        return "", f"{SHARED} was not asked: {str(mistake).partition(';')[0]}"


class _Background:
    """Runs ``function`` in a thread that nobody has to wait for."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._result: list[Any] = []
        self._thread = threading.Thread(target=self._run, args=(function,), daemon=True)
        self._thread.start()

    def _run(self, function: Callable[[], Any]) -> None:
        try:
            self._result.append(function())
        except Exception as error:  # whatever it is, nobody stops an emergency for it
            self._result.append(type(error).__name__)

    def result(self, seconds: float) -> Any:
        """What ``function`` gave, or why there is nothing, as text."""
        self._thread.join(seconds)
        return self._result[0] if self._result else f"no answer in {PATIENCE:g} s"

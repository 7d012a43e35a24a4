"""Asks whoever sits at the terminal of a run that waits for people: a name that is typed there is a yes in person."""

import contextlib
import threading
from collections.abc import Callable

from pipeline.engine.waiting import BEGINS
from pipeline.errors import PipelineError
from pipeline.record.approvals import GivenApproval, give
from pipeline.record.journal import Event, Journal, events_of, new_run_id
from pipeline.record.plans import plan_in
from pipeline.record.store import open_store
from pipeline.session.session import Session

Ask = Callable[[str], str]


class Prompt:
    """A listener of the journal. ``ask`` puts a question and gives the line that was typed.

    The run does not stop for it. It is asked once: the thread waits for a line until the process ends.
    """

    def __init__(self, session: Session, ask: Ask) -> None:
        self._session, self._ask = session, ask
        self.asking: threading.Thread | None = None

    def __call__(self, event: Event) -> None:
        if event.kind == BEGINS and self.asking is None:
            self.asking = threading.Thread(target=self._answer, args=(event.run,), daemon=True)
            self.asking.start()

    def _answer(self, run: str) -> None:
        """Write down what was typed, for the plan that the run had read when it was asked."""
        session = self._session
        store = open_store(session.place.address, session.root)  # the run has its own connection
        try:
            plan = plan_in(events_of(store, run))
            by = self._ask(f"Who agrees to plan {plan.hash[:12]} here, in person? NAME:").strip() if plan else ""
            if plan and by:
                now = session.clock.now()
                at = now.isoformat(timespec="seconds")
                given = GivenApproval(
                    run, session.settings.name, plan.hash, plan.commit, by, at, plan.parts, via="in person"
                )
                give(Journal(store, f"approval-{new_run_id(now)}", lambda: now, session.redactor), given)
        finally:
            with contextlib.suppress(PipelineError):
                store.close()

"""One project's part of an order, in a process of its own: its run is begun, gone on with, or put back, to its end.

Whoever takes up the part of a worker that died calls the same: what is to be done follows from the project's own
record, and the run's id is the same for all. A run that is still alive is waited for; its lock is the fence.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from checks.outcome import Outcome
from pipeline.clock import Clock, SystemClock
from pipeline.config import Config
from pipeline.emergency.access import RollbackOrder
from pipeline.errors import HandedOver, Locked, Mistake, PipelineError
from pipeline.fleet.ends import BACK, HANDED, LOST, MOST_SAID, REFUSED, THERE, ProjectEnd, end_of
from pipeline.record.journal import Listener, events_of
from pipeline.record.report import Report, report_of
from pipeline.redact import Redactor
from pipeline.session.deploy import After, settle_run, ship
from pipeline.session.following import is_at_it
from pipeline.session.ownership import LEASE
from pipeline.session.runs import current_status, store_of
from pipeline.session.session import Order, open_session
from pipeline.signals import Handing, handing_over

POLL = 1.0  # seconds between two looks at a run that is alive elsewhere

Show = Callable[[Redactor, str], Listener]


class Carrier:
    """Carries one run of ``order`` in the home ``root`` to its end, whatever others have left of it.

    ``wait``: seconds for which somebody else's lock is waited for.
    """

    def __init__(
        self, config: Config, root: Path, order: Order, show: Show, after: After, wait: float, clock: Clock
    ) -> None:
        self._config, self._root, self._order, self._show, self._after = config, root, order, show, after
        self._wait, self._clock = wait, clock

    def carry(self) -> ProjectEnd:
        """Give the end of the run, which there is when this returns; or that it is handed over to another worker."""
        with handing_over() as handing:
            try:
                return self._carried(handing)
            except HandedOver as left:
                return ProjectEnd(HANDED, str(left))

    def _carried(self, handing: Handing) -> ProjectEnd:
        until = self._clock.monotonic() + self._wait
        while True:
            report = self._at_rest(handing)
            if report and report.outcome:
                return end_of(report)
            try:
                self._go_on(report)
                return self._known_end("it has no end")
            except HandedOver:
                raise
            except Locked as locked:  # not waited for in there: it may be this very run, begun by somebody else
                if self._clock.monotonic() > until:
                    return self._known_end(str(locked))
                self._rest()
            except PipelineError as error:
                return self._known_end(str(error))

    def _go_on(self, report: Report | None) -> None:
        """Begin the run; or resume it; or, when that is refused, put back what it left."""
        order = self._order if report is None else replace(self._order, resume=True)
        try:
            ship(self._config, order, self._root, self._show, self._after)
        except Mistake:
            if report is None:
                raise
            lease = order.lease or LEASE
            settle_run(self._config, order.target, order.run, self._root, self._show, self._after, lease)

    def _at_rest(self, handing: Handing) -> Report | None:
        """What the record says of the run once nobody is at it; None when there is none. Raises HandedOver."""
        while True:
            report, alive = self._known()
            if handing.asked and (handing.moved or report is None):
                raise HandedOver(f"run {self._order.run} is left to another worker; nobody was at it here")
            if not alive:
                return report
            self._rest()

    def _known(self) -> tuple[Report | None, bool]:
        """What the record says of the run, None when there is none; and whether somebody is at it now."""
        store = store_of(self._config, self._root)
        try:
            events = events_of(store, self._order.run)
            report = report_of(self._order.run, events) if events else None
            return report, report is not None and is_at_it(store, report, self._clock)
        finally:
            store.close()

    def _known_end(self, why: str) -> ProjectEnd:
        """The end that the record knows; without one, ``why``: nothing was begun, or it was and has no end."""
        report, _ = self._known()
        if report and report.outcome:
            return end_of(report)
        return ProjectEnd(LOST if report else REFUSED, " ".join(why.split())[:MOST_SAID])

    def _rest(self) -> None:
        asyncio.run(self._clock.sleep(POLL))


def take_back(config: Config, root: Path, deploy_file: Path, target: str, deployed: ProjectEnd) -> ProjectEnd:
    """Point production back to what served before the run that ended as ``deployed``; twice is the same as once.

    What somebody else has promoted since is left alone: then this project is not ours to move.
    """
    from pipeline.emergency.rollback import rollback_now

    with open_session(config, target, root) as session:
        name, live = session.settings.name, current_status(session).live
    if live is None:
        return ProjectEnd(LOST, "Vercel does not say what is live, so nothing was touched")
    if live.id == deployed.before:
        return ProjectEnd(THERE, f"{live.id} serves already")
    if live.id != deployed.staged:
        return ProjectEnd(Outcome.SUPERSEDED.word, f"{live.id} serves, which the order did not make; it was left alone")
    said: list[str] = []
    code = rollback_now(RollbackOrder(to=deployed.before, target=name, json=True), root, deploy_file, said.append)
    if code == 0:
        return ProjectEnd(BACK, f"{deployed.before} serves again", staged=deployed.staged, before=deployed.before)
    outcome = Outcome.STRANDED.word if code == Outcome.STRANDED.code else REFUSED
    return ProjectEnd(outcome, _reason(said), staged=deployed.staged, before=deployed.before)


def _reason(said: list[str]) -> str:
    """Why a rollback did not go well: the words of its last answer."""
    with contextlib.suppress(ValueError, IndexError, KeyError, TypeError):
        return str(json.loads(said[-1])["reason"])[:MOST_SAID]
    return " ".join(" ".join(said).split())[:MOST_SAID]


def carrier(config: Config, root: Path, order: Order, show: Show, after: After, wait: float) -> Carrier:
    """A carrier by this machine's clock."""
    return Carrier(config, root, order, show, after, wait, SystemClock())

"""``invoke fleet.carry``: one project's part of an order, in a process of its own. It does not load the queue."""

import json
from collections.abc import Callable
from pathlib import Path

from checks.outcome import Outcome
from pipeline.clients.pacing import pace
from pipeline.commands.deploy import after_deploy
from pipeline.config import Config
from pipeline.errors import Mistake, PipelineError
from pipeline.fleet.carrying import Show, carrier, take_back
from pipeline.fleet.ends import MOST_SAID, REFUSED, ProjectEnd
from pipeline.record.journal import plain
from pipeline.record.report import Report
from pipeline.session.deploy import After
from pipeline.session.session import Order, Session
from pipeline.signals import handing_over

Out = Callable[[str], None]


def carry_run(config: Config, root: Path, order: Order, wait: float, show: Show, out: Out, aside: Out) -> int:
    """Carry a run to its end, print that as one line of JSON, and give the exit code of the run."""
    if not order.run:
        raise Mistake("--run: say which run is to be carried")
    end = carrier(config, root, order, show, after_run(root, aside), wait).carry()
    tell_calls()
    out(json.dumps(plain(end)))
    return end.code


def after_run(root: Path, aside: Out) -> After:
    """What is done after a project's run: it is an incident of its own only where somebody has to act there.

    What else went wrong is a finding of the wave, once for all that have it.
    """
    after = after_deploy(root, aside)

    def only_for_people(session: Session, report: Report) -> None:
        if report.outcome in (Outcome.STRANDED.word, Outcome.HELD.word) or report.glass:
            after(session, report)

    return only_for_people


def tell_calls() -> None:
    """Tell the worker, if there is one, how often each vendor was asked."""
    if shared := pace():
        shared.tell()


def carry_back(config: Config, root: Path, deploy_file: Path, target: str, deployed: ProjectEnd, out: Out) -> int:
    """Take a project back, print how that ended as one line of JSON, and give an exit code."""
    with handing_over():  # it is soon over, and left to nobody
        try:
            end = take_back(config, root, deploy_file, target, deployed)
        except PipelineError as error:
            end = ProjectEnd(REFUSED, " ".join(str(error).split())[:MOST_SAID])
    tell_calls()
    out(json.dumps(plain(end)))
    return 0

"""``invoke report --html``: one run as one file that needs no network, and what such a page is made of."""

from pathlib import Path

from pipeline.clock import SystemClock
from pipeline.commands.places import places_of
from pipeline.config import Config
from pipeline.errors import Mistake
from pipeline.handbook.limits import reading_limits
from pipeline.home import as_typed, command_in
from pipeline.record.approvals import given_to
from pipeline.record.bounded import Store
from pipeline.record.history import moment
from pipeline.record.report import Report
from pipeline.record.samples import Samples
from pipeline.redact import of_this_process
from pipeline.render.readings import readings
from pipeline.render.runpage import RunFacts, run_page
from pipeline.session.following import is_at_it
from pipeline.session.runs import one_run, store_of


def write_report(config: Config, root: Path, run: str, to: str) -> Path:
    """Write the page of ``run`` into ``to``, or beside here as ``run-ID.html``; where it is. Raises Mistake."""
    report = one_run(config, root, run)
    store = store_of(config, root)
    try:
        text = run_page(facts_of(config, root, store, report))
    finally:
        store.close()
    path = Path(to or f"run-{report.run}.html").expanduser()
    try:
        # It is sent on: a command is as it is typed in the home, not with the path of this machine.
        path.write_text(as_typed(of_this_process()(text), command_in(root)), encoding="utf-8")
    except OSError as error:
        raise Mistake(f"report --to {path}: cannot be written: {error.strerror}") from error
    return path


def facts_of(config: Config, root: Path, store: Store, report: Report) -> RunFacts:
    """What the page of a run shows beside its report: readings with what is usual, and approvals of its plan.

    A target that deploy.yml has no more has no limits and no links.
    """
    samples, policies = Samples(store, report.target), config.policies.get(report.target)
    read, began = samples.of_run(report.run), moment(report.began)
    limits = reading_limits(policies) if policies else {}
    good = samples.lately_good(policies.performance.good_releases, report.run) if policies else {}
    real = policies is not None and config.file.targets[report.target].kind != "sandbox"
    return RunFacts(
        report,
        readings(read, began, good, limits) if began else (),
        tuple(one for one in given_to(store, report.target) if report.plan and one.plan == report.plan),
        places_of(config, report.target, root) if real else None,
        alive=not report.outcome and is_at_it(store, report, SystemClock()),
    )

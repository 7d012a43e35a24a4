"""How the gates of ``checks.performance`` are made to stop."""

from checks import performance
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.hands import INDEX, Act, in_production, repaired, shipping
from pipeline.selftest.lab import Lab


def _slow(seconds: float) -> Act:
    """Make a release whose front page takes so long, on the production domain only."""
    return shipping(edits={INDEX: in_production(f'await sleep({seconds} if request.path == "/" else 0)')})


def _good_releases(lab: Lab) -> None:
    """Write down three releases that went well, with 400 ms each."""
    for row in range(3):
        run = f"earlier-{row}"
        lab.records.samples.add(lab.clock.now(), run, "", [("load.p95_ms", 400.0)])
        lab.journal(run).append("run ended", outcome="deployed")


BREAKAGES = (
    Breakage(
        performance.pages_are_quick,
        "release",
        "the front page takes three seconds on the production domain only",
        _slow(3),
        "ship the new commit with `--over-rollback`",
        repaired,
        run="deploy",
    ),
    Breakage(
        performance.as_quick_as_before,
        "release",
        "the front page takes three times as long as in the last releases",
        _slow(1.2),
        "ship a quicker one",
        repaired,
        rests=_good_releases,
        run="deploy",
    ),
)

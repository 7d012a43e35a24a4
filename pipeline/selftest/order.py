"""How the gates of ``checks.order`` are made to stop."""

from checks import order
from pipeline.definitions.deploy import DEPLOY
from pipeline.sandbox.state import State
from pipeline.selftest.breakage import Breakage, begins
from pipeline.selftest.hands import bad_in_production, before_live, commit, move, repaired, shipping, waived
from pipeline.selftest.lab import Lab


def _taken_back(lab: Lab) -> None:
    """Ship a release that is ill in production only, so that it goes back by itself."""
    bad_in_production("/login")(lab)
    ran = lab.run(DEPLOY)
    assert ran.report.outcome == "rolled back", ran.report.reason


def _somebody_released_newer(lab: Lab) -> None:
    sha = commit(lab, "A colleague's release")

    def goes_live(state: State) -> None:
        live = state.vercel.deployments[state.vercel.production]
        live.meta = {**live.meta, "githubCommitSha": sha}

    lab.state(goes_live)


def _somebody_goes_back(lab: Lab) -> None:
    move(lab, "rollback", before_live(lab))


def _waived_for_this_commit(lab: Lab) -> None:
    waived("order.was-not-taken-back", lab.release.commit[:12])(lab)


BREAKAGES = (
    Breakage(
        order.was_not_taken_back, "journal", "the same commit was shipped before and went back", _taken_back,
        "Fix the commit and ship the new one", repaired,
    ),
    Breakage(
        order.is_newer, "state", "a colleague releases a newer commit before the run begins", _somebody_released_newer,
        "rebase and build again", shipping(),
    ),
    Breakage(
        order.is_still_newer, "state", "a colleague releases a newer commit while the run is testing",
        _somebody_released_newer, "Rebase, build again and start a new run", shipping(), run="deploy",
        moment=begins("smoke"),
    ),
    Breakage(
        order.nobody_went_back, "state", "somebody rolls production back while the run is testing", _somebody_goes_back,
        "start a new run with `--over-rollback`", repaired, run="deploy", moment=begins("smoke"),
    ),
    Breakage(
        order.was_not_taken_back, "journal", "the same commit went back before, for a cause that was elsewhere",
        _taken_back, "with the first twelve digits of the commit as its subject", _waived_for_this_commit,
    ),
    Breakage(
        order.is_newer, "order", "a commit of another line is to be shipped on purpose", _somebody_released_newer,
        "run again with `--older`", lambda lab: lab.order(older=True),
    ),
)  # fmt: skip

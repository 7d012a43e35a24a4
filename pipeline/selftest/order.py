"""How the gates of ``checks.order`` are made to stop."""

from checks import order
from pipeline.definitions.deploy import DEPLOY
from pipeline.sandbox.githubstate import Record
from pipeline.sandbox.state import State
from pipeline.selftest.breakage import Breakage, begins
from pipeline.selftest.hands import bad_in_production, before_live, commit, move, repaired, shipping, waived
from pipeline.selftest.lab import Lab
from pipeline.world.world import World


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


def _runner_was_lost(lab: Lab) -> None:
    """Leave a live deployment whose run only Vercel and GitHub know of."""

    def lose(state: State) -> None:
        live = state.vercel.deployments[state.vercel.production]
        live.meta = {**live.meta, "deployRun": "lost"}
        said = {"ref": live.meta["githubCommitSha"], "sha": live.meta["githubCommitSha"], "environment": "production"}
        status = {"id": state.next_id(), "state": "in_progress", "at": "2026-11-24T03:00:00Z"}
        record = Record(state.next_id(), lab.clock.now().timestamp(), {**said, "payload": {"deployRun": "lost"}})
        record.statuses.append(status)
        state.github.deployments.append(record)
        lab.kept["deployment"] = str(record.id)

    lab.state(lose)


def _judged(lab: Lab) -> None:
    """Say by hand on GitHub that the release is well."""

    async def say(world: World) -> None:
        path = f"{world.github.path}/deployments/{lab.kept['deployment']}/statuses"
        await world.github.once("POST", path, lambda body: None, json={"state": "success"})

    lab.call(say)


BREAKAGES = (
    Breakage(
        order.live_is_judged, "state", "a runner was lost in the watch, and its record with it", _runner_was_lost,
        "`gh api repos/$REPOSITORY/deployments/$ID/statuses -f state=success`", _judged,
    ),
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

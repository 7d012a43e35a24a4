"""How the gates of ``checks.release`` are made to stop."""

from dataclasses import replace

from checks import release
from checks.policy import BuildPolicy
from pipeline.sandbox.state import State
from pipeline.selftest.breakage import Breakage, after, before, begins
from pipeline.selftest.hands import (
    PROJECT,
    a_colleague_promotes,
    before_live,
    fault,
    it_is_over,
    later,
    live,
    move,
    repaired,
    require,
    shipping,
    staged,
    together,
    vercel,
)
from pipeline.selftest.lab import Lab

HOUR = 3600


def _torn(lab: Lab) -> None:
    shipping(edits={".vercel/output/config.json": lambda _: "{"})(lab)


def _a_colleague_builds(lab: Lab) -> None:
    def begin(state: State) -> None:
        live = state.vercel.deployments[state.vercel.production]
        slot = 1 + max(other.slot for other in state.vercel.deployments.values())
        state.vercel.deployments["dpl_colleague"] = replace(
            live,
            id="dpl_colleague",
            slot=slot,
            created=lab.clock.now().timestamp(),
            meta={},
            takes=HOUR,
            auto_assign=False,
            settled=False,
            was_production=False,
        )

    lab.state(begin)


def _rolled_back(lab: Lab) -> None:
    move(lab, "rollback", before_live(lab))


def _said_over(lab: Lab) -> None:
    lab.order(over_rollback=True)


def _no_production(lab: Lab) -> None:
    lab.kept["live"] = live(lab)
    lab.state(lambda state: setattr(state.vercel, "production", ""))


def _promoted(lab: Lab) -> None:
    move(lab, "promote", lab.kept["live"])


def _type_error(lab: Lab) -> None:
    def fail(state: State) -> None:
        deployment = state.vercel.deployments[staged_in(state)]
        deployment.error, deployment.log = ["BUILD_FAILED", "Command exited with 1"], ["app/page.tsx(3,1): Type error"]

    lab.state(fail)


def staged_in(state: State) -> str:
    """Find the id of the newest deployment in the state."""
    return max(state.vercel.deployments.values(), key=lambda one: one.created).id


def _moved_at_build_time(lab: Lab) -> None:
    lab.kept["live"] = live(lab)
    id = staged(lab)
    lab.state(lambda state: setattr(state.vercel, "production", id))


def _previous_again(lab: Lab) -> None:
    """Run `vercel rollback`, and then the run that promotes over it."""
    move(lab, "rollback", lab.kept["live"])
    repaired(lab)


def _noted(lab: Lab) -> None:
    lab.kept["before"] = live(lab)


def _by_hand(lab: Lab) -> None:
    """Run `vercel rollback $PREVIOUS`, which changes nothing while one is under way; then `vercel promote` it."""
    move(lab, "rollback", lab.kept["before"])
    move(lab, "promote", lab.kept["before"])


BREAKAGES = (
    Breakage(
        release.output_is_whole, "release", "`.vercel/output/config.json` was written half", _torn,
        "Run `vercel pull --yes --environment=production` and `vercel build --prod` again", shipping(),
    ),
    Breakage(
        release.nothing_under_way, "state", "a colleague's production deployment is being built", _a_colleague_builds,
        "Wait for it", later(2 * HOUR),
    ),
    Breakage(
        release.is_not_pinned, "state", "somebody rolls production back", _rolled_back,
        "run again with `--over-rollback`", _said_over,
    ),
    Breakage(
        release.builds_move_nothing, "policy", "`build.by: git` while every push moves production",
        require(BuildPolicy, by="git"), "`vercel api -X PATCH /v9/projects/$PROJECT -F autoAssignCustomDomains=false`",
        lambda lab: lab.call(vercel("PATCH", PROJECT, json={"autoAssignCustomDomains": False})),
    ),
    Breakage(
        release.can_go_back, "state", "the production domain points to nothing", _no_production,
        "`vercel promote $DEPLOYMENT`", _promoted,
    ),
    Breakage(
        release.is_built, "release", "the build ends with a type error", _type_error,
        "fix it and start a new run", shipping(), run="preview", moment=after("build"),
    ),
    Breakage(
        release.is_staged, "state", "the production domain points to the new build before anybody promoted it",
        _moved_at_build_time, "`vercel rollback $PREVIOUS` if it is not well", _previous_again, run="deploy",
        moment=after("build"),
    ),
    Breakage(
        release.nobody_else_promoted, "state", "a colleague promotes an older deployment in the same minute",
        a_colleague_promotes, "start a new run with a commit that descends from theirs", repaired, run="deploy",
        moment=after("promote"),
    ),
    Breakage(
        release.is_live, "fault", "Vercel accepts the promotion and never carries it out",
        fault("vercel never-finishes POST */promote/*"), "The next run needs a new commit and `--over-rollback`",
        together(it_is_over, repaired), run="deploy", moment=begins("promote"),
    ),
    Breakage(
        release.is_restored, "fault", "Vercel accepts the rollback and never carries it out",
        together(_noted, fault("vercel never-finishes POST */rollback/*")),
        "asking again does nothing: `vercel promote $PREVIOUS`", together(it_is_over, _by_hand), run="deploy",
        moment=before("promote"), back=True,
    ),
    Breakage(
        release.nothing_under_way, "state", "a production deployment that nobody wants is being built",
        _a_colleague_builds, "stop it with `vercel remove $DEPLOYMENT` when you know whose it is",
        lambda lab: lab.call(vercel("DELETE", "/v13/deployments/dpl_colleague")),
    ),
)  # fmt: skip

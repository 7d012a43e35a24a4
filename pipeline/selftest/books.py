"""How the gates of ``checks.books`` are made to stop."""

import datetime
from dataclasses import replace

from checks import books
from checks.policy import Waiver
from pipeline.sandbox.state import State
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.hands import deployed
from pipeline.selftest.lab import Lab

KILLED = "killed"
UNREVIEWED = "incident-unreviewed"


def _a_run_is_killed(lab: Lab) -> None:
    """Kill a run before it has begun to build."""
    lab.begun(lab.journal(KILLED), "deploy")


def _settled(lab: Lab) -> None:
    lab.settle(KILLED)


def _a_waiver_is_over(lab: Lab) -> None:
    yesterday = lab.today() - datetime.timedelta(days=1)
    lab.waive(Waiver("security.no-urgent-alerts", yesterday, "Dana Ops", "fix ships on Monday"))


def _deleted(lab: Lab) -> None:
    lab.waive()


def _a_review_is_late(lab: Lab) -> None:
    """Resolve a P1, and let ten days pass."""
    journal = lab.journal(UNREVIEWED)
    journal.append(
        "incident opened",
        "users cannot sign in",
        target=lab.settings.name,
        severity="P1",
        reason="sign-in is broken",
        playbook="authentication-failure",
        since=lab.clock.now().isoformat(),
        lead="",
        by="Dana Ops",
        cause="a person",
        evidence=[],
        workaround=False,
    )
    journal.append("incident resolved", "a wrong secret", works="signing in", by="Dana Ops", unverified="")
    lab.clock.move(10 * 86400)


def _reviewed(lab: Lab) -> None:
    lab.journal(UNREVIEWED).append("incident reviewed", "runbooks/reviews/sign-in.md", by="Dana Ops")


def _the_last_build_failed(lab: Lab) -> None:
    def fail(state: State) -> None:
        every = state.vercel.deployments
        state.vercel.deployments["dpl_failed"] = replace(
            every[state.vercel.production],
            id="dpl_failed",
            slot=1 + max(one.slot for one in every.values()),
            created=lab.clock.now().timestamp() - 60,
            takes=1,
            settled=False,
            was_production=False,
            auto_assign=False,
            error=["BUILD_FAILED", "Command exited with 1"],
            log=["app/page.tsx(3,1): Type error: no such module"],
        )

    lab.state(fail)


BREAKAGES = (
    Breakage(
        books.runs_ended_well, "journal", "the process of a run was killed", _a_run_is_killed,
        "Cut off: `./inv settle --run RUN`", _settled,
    ),
    Breakage(
        books.nothing_is_forgotten, "policy", "a waiver in deploy.yml was over yesterday", _a_waiver_is_over,
        "Delete the waiver", _deleted,
    ),
    Breakage(
        books.nothing_is_forgotten, "journal", "a P1 was resolved ten days ago and never reviewed", _a_review_is_late,
        "`./inv incident.review` writes the review of an incident", _reviewed,
    ),
    Breakage(
        books.builds_work, "state", "the newest build on Vercel failed with a type error", _the_last_build_failed,
        "It is well again with the next build that works", deployed,
    ),
)  # fmt: skip

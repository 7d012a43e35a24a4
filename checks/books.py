"""Asks whether everything was looked at that the journal and the readings wrote down."""

import datetime
from dataclasses import replace

from checks.evidence import Bookkeeping, FailedBuild, LastBuilds, Moment, PastRun, UnreviewedIncident
from checks.gate import Findings, gate, not_yet, warn
from checks.policy import IncidentsPolicy

ENDED_WELL = ("deployed", "blocked")


@gate(owner="release manager")
def runs_ended_well(seen: Bookkeeping) -> Findings:
    """No run of the last day was rolled back, stranded, held or cut off.

    Why: A release that went back by itself at night still has a cause, and somebody waits for it.

    By hand: `./inv history`, or `gh run list --workflow deploy.yml --limit 10`.

    If it fails: `./inv report RUN`. Cut off: `./inv settle --run RUN`. Held: `./inv accept RUN` keeps it in your
        name, or `./inv rollback`. What was rolled back stays listed for a day, so that somebody looks for its cause.
    """
    for run in seen.runs:
        if run.outcome not in ENDED_WELL and not run.kept_by:
            why = f": {run.reason}" if run.reason else ""
            grave = {"stranded": "P0", "held": "P2", "rolled back": "P2"}.get(run.outcome, "P1")
            yield not_yet(f"run {run.run}", f"{run.outcome or 'was cut off'}{why}", severity=grave)


runs_ended_well.stops_when(
    "last night's was rolled back", lambda s: (replace(s, runs=(PastRun("r7", "rolled back", "a new error"),)),)
)


@gate(owner="release manager")
def nothing_is_forgotten(policy: IncidentsPolicy, seen: Bookkeeping, now: Moment) -> Findings:
    """No waiver is over and still in the file, every grave incident is reviewed in time; a lock is shown.

    Why: A waiver that is over decides nothing any more, and whoever reads it thinks it does. What an incident taught
        is forgotten within a week.

    By hand: Read `waivers` in `deploy.yml`; `./inv status` shows a lock; `runbooks/reviews/` has a file for each P0 and
        P1 that was resolved more than `incidents.review_within` ago.

    If it fails: Delete the waiver, or sign a new one. `./inv unlock` takes a lock away that nobody needs.
        `./inv incident.review` writes the review of an incident from its record.
    """
    for incident in seen.unreviewed:
        late = (now.now - datetime.datetime.fromisoformat(incident.resolved)).total_seconds() - policy.review_within
        if late > 0:
            yield not_yet(
                incident.id,
                f"was a {incident.severity}, was resolved on {incident.resolved[:10]} and is not reviewed",
                fix=f"./inv incident.review --incident {incident.id}",
                severity="P3",
            )
    for waiver in seen.overdue:
        yield not_yet("deploy.yml", f"still has a waiver that is over: {waiver}", severity="P3")
    if seen.lock:
        yield warn("deploying", f"is locked by {seen.lock}", fix="./inv unlock")


nothing_is_forgotten.stops_when(
    "a waiver is over",
    lambda p, s, now: (p, replace(s, overdue=("security.no-urgent-alerts until 2026-11-01",)), now),
)
nothing_is_forgotten.stops_when(
    "a P1 of last month was never reviewed",
    lambda p, s, now: (
        p,
        replace(s, unreviewed=(UnreviewedIncident("incident-7", "P1", "2026-10-20T03:10:00+00:00"),)),
        now,
    ),
)


@gate(owner="developer")
def builds_work(seen: LastBuilds) -> Findings:
    """The newest builds on Vercel worked.

    Why: What cannot be built today cannot be fixed tonight.

    By hand: `vercel ls`, then `vercel inspect $DEPLOYMENT --logs` of one that says *Error*.

    If it fails: The end of the log names the cause: mostly a type error, a missing variable or a dependency that is
        not in the lock file. The troubleshooting guide has the usual ones. It is well again with the next build that
        works.
    """
    for index, build in enumerate(seen.failed):
        says = f"failed on {build.created[:16]}: {build.says}" + (f". Known: {build.known}" if build.known else "")
        if index == 0 and seen.newest_failed:
            yield not_yet(f"build {build.id}", says, severity="P3")
        else:
            yield warn(f"build {build.id}", says)


builds_work.stops_when(
    "the last one failed",
    lambda s: (replace(s, failed=(FailedBuild("dpl_x", "2026-11-24T09:00:00Z", "Type error"),), newest_failed=True),),
)

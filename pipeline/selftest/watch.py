"""How the gates of ``checks.watch`` are made to stop."""

from checks import watch
from pipeline.selftest.breakage import Breakage, begins
from pipeline.selftest.errors import a_quiet_day
from pipeline.selftest.hands import Act, a_colleague_promotes, error, repaired, staged

AGAIN = "ship the new commit with `--over-rollback`"


def _the_release_falls_ill(path: str) -> Act:
    """Let this deployment, and no other, answer 503 after a while: nobody could see it before."""
    return lambda lab: lab.fault(f"app answer status=503 deployment={staged(lab)} {path}")


BREAKAGES = (
    Breakage(
        watch.still_live, "state", "a colleague promotes an older deployment while the release is watched",
        a_colleague_promotes, "start a new run with a commit that descends from theirs", repaired, run="deploy",
        moment=begins("watch"),
    ),
    Breakage(
        watch.stays_well, "fault", "the release falls ill a while after the promotion",
        _the_release_falls_ill("/api/health/db"), AGAIN, repaired, run="deploy", moment=begins("watch"),
    ),
    Breakage(
        watch.sign_in_stays_possible, "fault", "the release loses its sessions a while after the promotion",
        _the_release_falls_ill("/api/auth/session"), AGAIN, repaired, run="deploy", moment=begins("watch"),
    ),
    Breakage(
        watch.errors_stay_usual, "state", "errors of the release pour in while it is watched",
        error("TimeoutError: no answer", times=80, level="warning"), AGAIN, repaired, rests=a_quiet_day, run="deploy",
        moment=begins("watch"),
    ),
    Breakage(
        watch.nothing_new_breaks, "state", "a new error happens three times while the release is watched",
        error("TypeError: grade is null", times=3), AGAIN, repaired, run="deploy", moment=begins("watch"),
    ),
    Breakage(
        watch.monitor_stays_up, "fault", "Better Stack sees the release down a while after the promotion",
        _the_release_falls_ill("/api/health/db"), AGAIN, repaired, run="deploy", moment=begins("watch"),
    ),
)  # fmt: skip

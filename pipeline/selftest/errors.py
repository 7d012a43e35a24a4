"""How the gates of ``checks.errors`` are made to stop."""

from checks import errors
from pipeline.clock import origin
from pipeline.sandbox.sandbox import Sandbox
from pipeline.sandbox.traffic import Hit
from pipeline.selftest.breakage import Breakage, after
from pipeline.selftest.hands import before_live, error, later, live, move, repaired, together
from pipeline.selftest.lab import Lab
from pipeline.world.world import World

HOUR = 3600.0
DAY = 24 * HOUR
AGAIN = "ship the new commit with `--over-rollback`"


def visitors(lab: Lab, count: int, path: str = "/", *, ago: float = 0, status: int = 200) -> None:
    """Let so many visitors of production ask for ``path``, ``ago`` seconds before now."""
    began, deployment = lab.clock.now().timestamp() - ago, live(lab)

    def come(sandbox: Sandbox) -> None:
        for row in range(count):
            sandbox.core.traffic.add(Hit(began - row, deployment, True, lab.settings.domain, "GET", path, status, 0.05))

    lab.change(come)


def a_quiet_day(lab: Lab) -> None:
    """Let visitors come on a day without the errors that were always there."""
    lab.patch(sentry={"baseline": 0})
    visitors(lab, 60, ago=60)
    visitors(lab, 400, ago=6 * HOUR)


def _roll_back(lab: Lab) -> None:
    move(lab, "rollback", before_live(lab))
    lab.clock.move(HOUR)


def _an_old_one_goes_on(lab: Lab) -> None:
    lab.clock.move(-10 * DAY)
    error("Known timeout")(lab)
    lab.clock.move(10 * DAY)
    error("Known timeout")(lab)


def _resolved(lab: Lab) -> None:
    id = lab.state(lambda state: str(state.sentry.issues[-1].id))
    lab.call(lambda world: world.sentry.resolve(id))


def _sessions_crash(lab: Lab) -> None:
    visitors(lab, 40, status=500)


def _nobody_told_sentry(lab: Lab) -> None:
    lab.state(lambda state: state.sentry.releases.clear())


async def _record_it(world: World) -> None:
    found = await world.vercel.production(world.domain)
    assert found
    commits = ({"id": found.commit},)
    await world.sentry.record_release(found.commit, "production", origin(world.domain), commits)


BREAKAGES = (
    Breakage(
        errors.no_new_critical, "state", "a new error happens three times after the promotion",
        error("TypeError: grade is null", times=3), AGAIN, repaired, run="deploy", moment=after("promote"),
    ),
    Breakage(
        errors.rate_is_usual, "state", "errors of the release pour in after the promotion",
        error("TimeoutError: no answer", times=80), AGAIN, repaired, rests=a_quiet_day, run="deploy",
        moment=after("promote"),
    ),
    Breakage(
        errors.endpoints_are_usual, "state", "one endpoint fails two times in three for an hour",
        error("TypeError: course is null", times=40, where="GET /"), "Roll back when it began with the release",
        _roll_back, rests=a_quiet_day,
    ),
    Breakage(
        errors.nothing_critical_today, "state", "an error is seen for the first time",
        error("TypeError: course is null"),
        "It stays listed until it is a day old", later(DAY + HOUR),
    ),
    Breakage(
        errors.hour_is_usual, "state", "errors pour in for an hour", error("TimeoutError: no answer", times=200),
        "An hour after the cause is gone this is usual again", later(2 * HOUR), rests=a_quiet_day,
    ),
    Breakage(
        errors.nothing_recurs, "state", "an error goes on for a second week", _an_old_one_goes_on,
        "Fix it and resolve the issue", _resolved,
    ),
    Breakage(
        errors.sessions_do_not_crash, "state", "forty sessions of a hundred crash", _sessions_crash,
        "it is well again a day after the cure",
        together(later(DAY + HOUR), lambda lab: visitors(lab, 60)), rests=lambda lab: visitors(lab, 60),
    ),
    Breakage(
        errors.release_is_recorded, "state", "nobody has told Sentry of the live release", _nobody_told_sentry,
        "`sentry-cli releases new $COMMIT`", lambda lab: lab.call(_record_it),
    ),
)  # fmt: skip

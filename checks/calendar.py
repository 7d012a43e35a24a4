"""Asks whether this is a good time for a deployment, and whether we know what time it is."""

import datetime
import zoneinfo

from checks.evidence import ClockOffset, Moment
from checks.gate import Findings, block, gate, warn
from checks.policy import FreezePolicy, FreezeWindow

TOLERATED, NOTED = 300.0, 30.0  # seconds; what a slow answer takes is less
FROZEN = 'wait until it is over; when a person decides that it cannot wait: ./inv deploy --break-glass "…"'
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@gate(owner="release manager")
def no_freeze(policy: FreezePolicy, seen: Moment) -> Findings:
    """No deployment freeze is in force.

    Why: A freeze is agreed on because the people who could repair a bad release are not there.

    By hand: Look at `freeze` in `deploy.yml`: today must not be one of `weekdays` nor inside one of `windows`.

    If it fails: Wait for the end of the freeze. If the release cannot wait, a stakeholder signs a waiver with an end
        date in `deploy.yml`.
    """
    zone = zoneinfo.ZoneInfo(policy.timezone)
    here = seen.now.astimezone(zone)
    if DAYS[here.weekday()] in policy.weekdays:
        yield block("the freeze", f"covers every {here:%A} ({policy.timezone})", fix=FROZEN)
    for window in policy.windows:
        ends = _moment(window.ends, zone)
        if _moment(window.starts, zone) <= seen.now < ends:
            until = f"{ends.astimezone(zone):%Y-%m-%d %H:%M} {policy.timezone}"
            yield block("the freeze", f"lasts until {until}: {window.reason}", fix=FROZEN)


def _moment(written: datetime.datetime, zone: zoneinfo.ZoneInfo) -> datetime.datetime:
    """The moment that deploy.yml means: with an offset or `Z` it says so itself, else it is local to ``zone``."""
    return (written if written.tzinfo else written.replace(tzinfo=zone)).astimezone(datetime.UTC)


no_freeze.stops_when(
    "it is the week of the exams",
    lambda p, s: (
        FreezePolicy(
            p.timezone,
            (FreezeWindow("exam week", datetime.datetime(2026, 1, 1), datetime.datetime(2027, 12, 31)),),
        ),
        Moment(datetime.datetime(2026, 7, 1, 12, tzinfo=datetime.UTC)),
    ),
)


@gate(owner="release manager")
def clock_is_right(seen: ClockOffset) -> Findings:
    """This machine's clock agrees with the services'.

    Why: What has gone wrong since the promotion is asked for by this clock: one that is ahead sees no errors at all.
        R2 refuses what is signed by one that is a quarter of an hour off.

    By hand: Run `curl -sS -i https://api.vercel.com/v2/user` and `date -u`: the line `date:` must say the same.

    If it fails: Let the machine set its clock by itself: *Set time automatically*, or the NTP service of a virtual
        machine. Then start again.
    """
    service, ahead = min(seen.said, key=lambda one: abs(one[1]))  # one that is wrong itself is outvoted by any other
    if abs(ahead) <= NOTED:
        return
    off = f"is {_long(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} that of {service}"
    yield (block if abs(ahead) > TOLERATED else warn)("this machine's clock", off)


def _long(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"


clock_is_right.stops_when("it is an hour slow", lambda s: (ClockOffset((("vercel", -3600.0), ("github", -3599.0))),))
clock_is_right.stops_when("it is an hour fast", lambda s: (ClockOffset((("vercel", 3601.0),)),))

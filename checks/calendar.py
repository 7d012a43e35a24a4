"""Asks whether this is a good time for a deployment."""

import datetime
import zoneinfo

from checks.evidence import Moment
from checks.gate import Findings, block, gate
from checks.policy import FreezePolicy, FreezeWindow

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@gate(owner="release manager")
def no_freeze(policy: FreezePolicy, seen: Moment) -> Findings:
    """No deployment freeze is in force.

    Why: A freeze is agreed on because the people who could repair a bad release are not there.

    By hand: Look at `freeze` in `deploy.yml`: today must not be one of `weekdays` nor inside one of `windows`.

    If it fails: Wait for the end of the freeze. If the release cannot wait, a stakeholder signs a waiver with an end
        date in `deploy.yml`.
    """
    here = seen.now.astimezone(zoneinfo.ZoneInfo(policy.timezone))
    if DAYS[here.weekday()] in policy.weekdays:
        yield block("the freeze", f"covers every {here:%A} ({policy.timezone})")
    for window in policy.windows:
        if window.starts <= here.replace(tzinfo=None) < window.ends:
            yield block("the freeze", f"lasts until {window.ends:%Y-%m-%d %H:%M} {policy.timezone}: {window.reason}")


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

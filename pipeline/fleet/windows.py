"""When a project may be begun: the window of its own time zone."""

import datetime
import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from checks.policy import Policy

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00")


@dataclass(frozen=True)
class FleetWindow(Policy):
    """When projects may be begun. What is under way when it closes ends by itself; a rollback asks no window."""

    timezone: str = "UTC"
    """Whose clock counts, e.g. `Europe/Berlin`."""
    days: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri")
    """On which days."""
    since: str = "00:00"
    """From when on, e.g. `09:00`."""
    until: str = "24:00"
    """Until when, on the same day."""

    def __str__(self) -> str:
        return f"{self.since} to {self.until} {self.timezone}, {' '.join(self.days)}"


def wrong_in(window: FleetWindow) -> Iterator[tuple[str, str]]:
    """The key of a window, and what is wrong with its value, for each that is."""
    try:
        zoneinfo.ZoneInfo(window.timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        yield "timezone", f"there is no {window.timezone!r}; say e.g. Europe/Berlin"
    for key in ("since", "until"):
        if not CLOCK.fullmatch(getattr(window, key)):
            yield key, f"is {getattr(window, key)!r}; say e.g. 09:00"
    if window.until <= window.since:
        yield "until", "is not later than `since`; the window is of one day"
    if not window.days:
        yield "days", "names none"


def next_open(window: FleetWindow | None, now: datetime.datetime) -> datetime.datetime:
    """When projects with that window may be begun, ``now`` or later: within eight days, for it has a day a week."""
    if window is None or is_open(window, now):
        return now
    zone = zoneinfo.ZoneInfo(window.timezone)
    here, at = now.astimezone(zone), datetime.time.fromisoformat(window.since)
    days = (here.date() + datetime.timedelta(days=number) for number in range(9))
    opens = (datetime.datetime.combine(day, at, zone) for day in days if DAYS[day.weekday()] in window.days)
    return next(moment.astimezone(now.tzinfo) for moment in opens if moment > here)


def is_open(window: FleetWindow | None, now: datetime.datetime) -> bool:
    """Whether projects with that window may be begun now; those without one always may."""
    if window is None:
        return True
    here = now.astimezone(zoneinfo.ZoneInfo(window.timezone))
    return DAYS[here.weekday()] in window.days and window.since <= f"{here:%H:%M}" < window.until

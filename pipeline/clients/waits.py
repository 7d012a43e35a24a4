"""What a service says of time in its answers: what time it was, and for how long it is to be left alone."""

import datetime
import email.utils
from collections.abc import Mapping

LONGEST_WAIT = 10.0  # a service that asks for more is *unknown* for now; the stage's patience decides
LONGEST_NAMED = 366 * 86400.0  # seconds; a service that asks for more of them means never


def retry_after(headers: Mapping[str, str], now: datetime.datetime) -> float:
    """The seconds that ``Retry-After`` asks for (number or HTTP date), or until an exhausted rate limit is reset."""
    value = headers.get("retry-after", "")
    try:
        for limit in ("x-ratelimit", "x-sentry-rate-limit"):
            if not value and headers.get(f"{limit}-remaining") == "0":
                value = str(float(headers.get(f"{limit}-reset", "0")) - now.timestamp())
        return _named(float(value or 0))
    except ValueError:
        pass
    try:
        return _named((email.utils.parsedate_to_datetime(value) - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def dated(headers: Mapping[str, str]) -> datetime.datetime | None:
    """What time it was for the service when it answered; None when it does not say, or something else."""
    try:
        return email.utils.parsedate_to_datetime(headers.get("date", "")).astimezone(datetime.UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def until_when(now: datetime.datetime, wait: float) -> str:
    """Say from when on a service may be asked again, when that is longer than anybody waits here."""
    if wait <= LONGEST_WAIT or wait >= LONGEST_NAMED:
        return ""
    when = (now + datetime.timedelta(seconds=wait)).astimezone(datetime.UTC)
    return f" (not before {when:{'%H:%M' if wait < 86400 else '%d %b, %H:%M'}} UTC)"


def _named(seconds: float) -> float:
    """The seconds of a service as some that can be waited and written down; what is no number is 0."""
    return min(max(0.0, seconds), LONGEST_NAMED)

"""``invoke fleet.freeze``: nothing of the fleet begins until that is over, or lifted."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.clock import SystemClock
from pipeline.commands.fleetsigned import OPEN, key_of, who
from pipeline.errors import Mistake
from pipeline.fleet.file import FleetFile
from pipeline.fleet.freezing import FREEZE, FleetFreeze, FreezeRecord, freeze, freezes, said_after, signed_freeze
from pipeline.fleet.place import fleet_file, open_record
from pipeline.fleet.signing import FleetPermits
from pipeline.record.journal import Journal
from pipeline.redact import of_this_process, one_line

Out = Callable[[str], None]
LONGEST = 366 * 86400  # seconds


@dataclass(frozen=True)
class FreezeWish:
    """What was typed after ``fleet.freeze``. ``seconds``: 0 for until it is lifted; ``key``: empty, git's own."""

    seconds: float = 0
    reason: str = ""
    lift: bool = False
    key: str = ""


def freeze_fleet(root: Path, wish: FreezeWish, out: Out, aside: Out) -> None:
    """Let nothing of the fleet begin; or lift that. Raises Mistake when it may not be, or nothing is frozen."""
    if wish.lift and (wish.seconds or wish.reason):
        raise Mistake("--lift: ends the freeze at once; leave --for and --because out")
    if not wish.lift and not wish.reason.strip():
        raise Mistake("--because: say why, for whoever wants to deploy meanwhile")
    if wish.seconds > LONGEST:
        raise Mistake("--for: at most 366d; leave it out for until somebody lifts it")
    file, now = fleet_file(root), SystemClock().now()
    permits = FleetPermits(root, file)
    with open_record(root, file) as (store, _):
        known = freezes(store, permits)
        if wish.lift and known.in_force(now) is None:
            raise Mistake(_nothing_to_lift(known))
        reason = of_this_process()(wish.reason)  # what is signed has to stay as it is
        said = FleetFreeze(who(), reason, _until(now, wish.seconds), said_after(known.last, now), wish.lift)
        if permits.fleet_is_open:
            aside(OPEN)
        else:
            said = signed_freeze(said, permits, key_of(root, wish.key))
        journal = Journal(store, FREEZE, SystemClock().now, of_this_process())
        freeze(journal, said)
        out(one_line(f"the fleet is {freezes(store, permits).in_force(now) or 'not frozen'}"))


def frozen_lines(root: Path, file: FleetFile) -> tuple[str, ...]:
    """A line when the fleet is frozen, and one for each word about that which does not count."""
    permits = FleetPermits(root, file)
    with open_record(root, file) as (store, _):
        known = freezes(store, permits)
    found = known.in_force(SystemClock().now())
    lines = (*((f"the fleet is {found}",) if found else ()), *known.doubts)
    return tuple(map(one_line, lines))


def _until(now: datetime.datetime, seconds: float) -> str:
    return (now + datetime.timedelta(seconds=seconds)).isoformat() if seconds else ""


def _nothing_to_lift(known: FreezeRecord) -> str:
    return "; ".join(["--lift: the fleet is not frozen", *known.doubts])

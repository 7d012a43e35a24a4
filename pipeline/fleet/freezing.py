"""A freeze of the whole fleet: nothing is begun until it is over or lifted; signed where ``fleet.yml`` says who may."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.fleet.signing import FleetPermits
from pipeline.record.bounded import Store
from pipeline.record.journal import Event, Journal, events_of, plain

FREEZE = "fleet.freeze"
"""What the journal of freezes is called; no order has that id."""
FROZEN, THAWED = "fleet frozen", "fleet thawed"
ACT = "freeze"
"""The key of ``may`` that says who freezes and lifts."""


@dataclass(frozen=True)
class FleetFreeze:
    """Nothing of the fleet is begun, or, when it was ``lifted``, again. Times are ISO 8601.

    ``until``: empty for until somebody lifts it; ``at``: when it was said; ``proof``: empty, unsigned; ``fleet``: what
    the fleet is called, which is signed, too.
    """

    by: str
    reason: str = ""
    until: str = ""
    at: str = ""
    lifted: bool = False
    proof: str = ""
    fleet: str = ""

    def __str__(self) -> str:
        return f"frozen by {self.by}{f' until {self.until[:16]} UTC' if self.until else ''}: {self.reason}"


@dataclass(frozen=True)
class FreezeRecord:
    """What the record says of freezes. ``last``: the last word that counts; ``doubts``: why later ones do not."""

    last: FleetFreeze | None = None
    doubts: tuple[str, ...] = ()

    def in_force(self, now: datetime.datetime) -> FleetFreeze | None:
        """The freeze that holds at ``now``; None when there is none."""
        if self.last is None or self.last.lifted:
            return None
        over = self.last.until and self.last.until <= now.astimezone(datetime.UTC).isoformat()
        return None if over else self.last


def freezes(store: Store, permits: FleetPermits) -> FreezeRecord:
    """What the record says of freezes, by whom it may be said. Raises ServiceError."""
    return folded(events_of(store, FREEZE), permits)


def freeze_now(store: Store, now: datetime.datetime, permits: FleetPermits) -> FleetFreeze | None:
    """The freeze that is in force; None when there is none. Raises ServiceError."""
    return freezes(store, permits).in_force(now)


def folded(events: Iterable[Event], permits: FleetPermits) -> FreezeRecord:
    """The last word that counts: signed by who may, where that is said, and later than the one before.

    A word that was said before that and is written down again, e.g. an old lifting, so counts for nothing.
    """
    last, doubts = None, list[str]()
    for event in events:
        said = _from(event)
        what = f"{'lifting' if said.lifted else 'freeze'} by {said.by or 'nobody'} of {event.at[:16]}"
        if why := "" if permits.fleet_is_open else _not_said(said, permits):
            doubts.append(f"the {what} does not count: {why}")
        elif last and said.at <= last.at:
            doubts.append(f"the {what} does not count: it was said before the one that does")
        else:
            last, doubts = said, []
    return FreezeRecord(last, tuple(doubts))


def _not_said(said: FleetFreeze, permits: FleetPermits) -> str:
    return permits.not_said(freeze_text(said), said.fleet, said.proof, said.by, ACT)


def freeze_text(said: FleetFreeze) -> str:
    """What a key signs of a freeze, or of its lifting."""
    words = {"act": "lift" if said.lifted else "freeze", "by": said.by, "at": said.at}
    words |= {"until": said.until, "because": said.reason, "fleet": said.fleet}
    return "".join(f"{name}: {' '.join(text.split())}\n" for name, text in words.items())


def signed_freeze(said: FleetFreeze, permits: FleetPermits, key: Path) -> FleetFreeze:
    """``said``, signed by ``key`` in the name of its owner. Raises Mistake when its owner may not."""
    said = replace(said, fleet=permits.fleet)
    by, proof = permits.say(lambda by: freeze_text(replace(said, by=by)), said.by, key, ACT)
    return replace(said, by=by, proof=proof)


def freeze(journal: Journal, said: FleetFreeze) -> None:
    """Write down that nothing is begun from now on, or that this is over."""
    journal.append(THAWED if said.lifted else FROZEN, exact=plain(said))


def said_after(last: FleetFreeze | None, now: datetime.datetime) -> str:
    """The time to say now, which is later than that of the last word, whatever the clock of its machine was."""
    least = datetime.datetime.fromisoformat(last.at) + datetime.timedelta(milliseconds=1) if last and last.at else now
    return max(now, least).astimezone(datetime.UTC).isoformat(timespec="milliseconds")


def _from(event: Event) -> FleetFreeze:
    body = event.body
    words = {name: str(body.get(name, "")) for name in ("by", "reason", "until", "at", "proof", "fleet")}
    return FleetFreeze(**{**words, "at": words["at"] or event.at}, lifted=event.kind == THAWED)

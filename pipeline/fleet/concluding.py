"""With which exit code an order ends, as a pure function of what has happened to it, and to its projects since."""

import datetime

from checks.outcome import Outcome
from pipeline.fleet.deciding import AskApproval, HoldWave, decide
from pipeline.fleet.ends import LOST
from pipeline.fleet.order import OrderState, Where

BAD_ENDING, STRANDED, WAITS = 1, Outcome.STRANDED.code, Outcome.HELD.code
PERSON = (LOST, Outcome.STRANDED.word)


def exit_code(state: OrderState, now: datetime.datetime) -> int | None:
    """The exit code of ``fleet.deploy`` and ``fleet.rollback`` by the record; None while the order goes on.

    Who was stranded on a way back that a later order took counts as if it were by this one.
    """
    ends = [part.end.outcome for part in state.parts.values() if part.end]
    ends += [one.outcome for one in state.taken_back.values() if not one.moved_on]
    if any(outcome in PERSON for outcome in ends):
        return STRANDED
    if not state.outcome:
        waits = isinstance(decide(state, now), AskApproval | HoldWave)
        return WAITS if waits and not state.failed() else BAD_ENDING if waits else None
    well = all(part.where is Where.ENDED and part.end for part in state.parts.values())
    return 0 if well and not state.failed() else BAD_ENDING

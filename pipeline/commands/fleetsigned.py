"""Who gives an order to a fleet, goes on with it, or agrees to a wave: signed where ``fleet.yml`` says who may."""

from collections.abc import Callable
from pathlib import Path

from pipeline.clock import SystemClock
from pipeline.environment import variable
from pipeline.errors import Mistake
from pipeline.fleet.order import OrderPlan, OrderState
from pipeline.fleet.ordering import agreed, resumed
from pipeline.fleet.place import Fleet
from pipeline.fleet.sharing import differing
from pipeline.fleet.signing import FleetPermits, said_now
from pipeline.render.fleetmarks import some
from pipeline.session.approving import usual_key
from pipeline.session.session import whoami

OPEN = "anybody may give orders to this fleet: fleet.yml has no `may`"


def who() -> str:
    """The login of whoever types this, or for whom a job of CI runs."""
    return variable("GITHUB_ACTOR") or whoami()


def signed_order(
    fleet: Fleet, plan: OrderPlan, key: str, aside: Callable[[str], None] = lambda line: None
) -> OrderPlan:
    """The order as it may be given: signed, or as it is when anybody may; ``aside`` is told so.

    Raises Mistake naming every project that its signer may not touch.
    """
    permits = FleetPermits(fleet.root, fleet.file)
    if permits.is_open(plan.projects):
        aside(OPEN)
        return plan
    return permits.signed(plan, key_of(fleet.root, key))


def go_on(fleet: Fleet, state: OrderState, agreed_by: str, key: str) -> None:
    """Write down who agrees to the wave that comes next, if somebody does; else who goes on with the order.

    Raises Mistake when that may not be, or when the order is not as it was signed.
    """
    plan, permits = state.plan, FleetPermits(fleet.root, fleet.file)
    _must_say_the_same(fleet, state)
    is_open = permits.is_open(plan.projects)
    following = next((wave.name for wave in plan.waves[state.waves_begun :] if agreed_by), "")
    said = said_now(agreed_by if following else who(), SystemClock().now())
    if not is_open:
        what = f"agrees to {following}" if following else "resumes"
        said = permits.word(plan, what, said, key_of(fleet.root, key), following)
    if following:
        agreed(fleet, plan.order, following, said)
    else:
        resumed(fleet, plan.order, said)


def _must_say_the_same(fleet: Fleet, state: OrderState) -> None:
    """Raises Mistake when ``fleet.yml`` says something else of what is left of an order than when it was given."""
    left = {name: digest for name, digest in state.plan.settings.items() if not state.parts[name].end}
    if names := differing(fleet.file, left):
        raise Mistake(
            f"--resume {state.plan.order}: fleet.yml says something else now of the target, ships, share or override "
            f"of {some(names)}; put that back to go on; or give another order with --anew"
        )


def key_of(root: Path, said: str) -> Path:
    """The key that signs: the one that was said, else the one that git signs with. Raises Mistake without any."""
    return Path(said or usual_key(root, "fleet.yml says who may")).expanduser()

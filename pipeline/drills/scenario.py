"""Reads a drill from its file: what breaks, what people see, what they should decide, and by when."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from checks.policy import Policy
from pipeline.config.document import seconds
from pipeline.errors import Mistake
from pipeline.handbook.playbooks import PLAYBOOKS
from pipeline.incidents.hands import HANDS

FOLDER = Path(__file__).parent / "scenarios"


@dataclass(frozen=True)
class Break(Policy):
    """A break is one thing that happens to the sandbox. Exactly one of the first group is given.

    ``$LIVE`` in a fault is the deployment that serves then.
    """

    ship: str = ""
    """Deploy this example release, to its end."""
    ends: str = ""
    """How ``ship`` must end; by default ``deployed``."""
    ship_and_kill: str = ""
    """Deploy it, and kill the process with -9 while it watches."""
    roll_back: bool = False
    """Roll production back, as a colleague would."""
    fault: str = ""
    """As for `./inv fault`."""
    state: dict[str, Any] = field(default_factory=dict)
    """Parts of the sandbox's state."""
    hold: str = ""
    """SQL of a session that then sits there, with its transaction open."""
    seconds: float = 0
    """With ``hold``: it commits after so long and begins anew at once, until somebody ends it."""
    visit: str = ""
    """Visitors ask for this path of production."""
    times: int = 1
    crowd: int = 0
    """So many visitors keep asking for the front page until the drill ends."""
    after: float = 0
    """Seconds after the one before."""


@dataclass(frozen=True)
class Alarm(Policy):
    """The alarm says what people see first."""

    source: str
    says: str
    gates: tuple[str, ...]
    """It goes off when one of these says no, as the machine asks them."""


@dataclass(frozen=True)
class DrillLimits(Policy):
    """The seconds that people have in a drill: to see the alarm, then to decide, and until all is well again."""

    detect: float = 300
    decide: float = 900
    recover: float = 1800


@dataclass(frozen=True)
class Scenario(Policy):
    """A scenario describes one drill. ``name`` is its file's."""

    name: str
    title: str
    picture: str
    """What participants are told at the beginning."""
    secret: str
    """What really happens: for the facilitator only."""
    alarm: Alarm
    playbook: str
    """Where they should end up."""
    severity: Literal["P0", "P1", "P2", "P3"]
    decision: str
    """What they should decide, in words."""
    breaks: tuple[Break, ...]
    before: tuple[Break, ...] = ()
    """How the world comes to where it begins."""
    hands: tuple[str, ...] = ()
    """What has to be done to production: one of these; empty: nothing may be."""
    over: tuple[Break, ...] = ()
    """What ends by itself, e.g. a vendor's outage, after the first decision."""
    limits: DrillLimits = field(default_factory=DrillLimits)
    questions: tuple[str, ...] = ()
    """For the talk afterwards."""
    plain: bool = False
    """A plain run of the tests plays it."""
    from_story: bool = False


@cache
def scenarios() -> Mapping[str, Scenario]:
    """Load every scenario, by name. Raises Mistake naming what is wrong with which file."""
    return {path.stem: load(path) for path in sorted(FOLDER.glob("*.yml"))}


def load(path: Path) -> Scenario:
    """Load one scenario from its file. Times may be spelt ``10m``."""
    from pydantic import ValidationError

    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        found: Scenario = _adapter().validate_python({"name": path.stem, **_timed(raw)})
    except yaml.YAMLError as error:
        raise Mistake(f"{path.name}: is not YAML: {error}") from error
    except (ValidationError, TypeError) as error:
        raise Mistake(f"{path.name}: {error}") from error
    if found.playbook not in {one.name for one in PLAYBOOKS}:
        raise Mistake(f"{path.name}: playbook: there is no {found.playbook}")
    for hand in found.hands:
        if hand not in HANDS:
            raise Mistake(f"{path.name}: hands: there is no {hand}; there are {', '.join(HANDS)}")
    return found


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Scenario)


def _timed(raw: Any) -> Any:
    if isinstance(raw, dict):
        limits = {key: seconds(v) if isinstance(v, str) else v for key, v in (raw.get("limits") or {}).items()}
        return {**raw, "limits": limits}
    return raw

"""An order to the fleet, folded from its events: what was planned, what has happened, and how it ended."""

import datetime
import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from checks.outcome import Outcome
from pipeline.clients.pacing import CallsMade
from pipeline.fleet.ends import BACK, THERE, ProjectEnd, TakenBack, end_from
from pipeline.fleet.judging import FleetFinding
from pipeline.fleet.waves import GroupBound, PlannedWave
from pipeline.fleet.windows import FleetWindow
from pipeline.record.bounded import Store
from pipeline.record.journal import Event

BEGINS = "order begins"
DIFFERS = "worker differs"
"""Of a machine: its worker's ``fleet.yml`` is not what the order was given with, so it takes no part."""


class OrderAction(enum.Enum):
    """What an order does with each of its projects."""

    DEPLOY = "deploy"
    ROLL_BACK = "roll back"


class Where(enum.Enum):
    """Where a project of an order is."""

    WAITING = "waits"
    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"
    NOT_BEGUN = "not begun"


UNDER_WAY = (Where.QUEUED, Where.RUNNING)


@dataclass(frozen=True)
class OrderPlan:
    """What an order was when it was given; it is written down whole, so that whoever resumes it does the same."""

    order: str
    action: OrderAction
    waves: tuple[PlannedWave, ...]
    at_once: int
    budget: int
    """How many projects may end badly."""
    when_spent: str = "keep"
    by: str = ""
    of: str = ""
    """Of a rollback: the order that had moved the projects; several by comma, newest first."""
    flags: tuple[str, ...] = ()
    """Flags of `deploy` that each of its runs is given."""
    back_to: Mapping[str, ProjectEnd] = field(default_factory=dict)
    """Of a rollback: how each project ended when it was deployed, with what served before."""
    windows: Mapping[str, FleetWindow] = field(default_factory=dict)
    """Project → when it may be begun; those without one always may."""
    share: float = 0
    """The share of projects that the budget allows to end badly, 0.05 for 5%; 0: it is a number."""
    proof: str = ""
    """The signature of who gave the order, over all the rest; empty when `fleet.yml` has no `may`."""
    bounds: tuple[GroupBound, ...] = ()
    """How many of a group may be under way, beside `at_once` for all."""
    commits: Mapping[str, str] = field(default_factory=dict)
    """Project → the commit that its home was at when the order was given; only of homes in repositories."""
    fleet: str = ""
    """What the fleet that it was given to is called; a signed one counts in no other."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Project → a digest of what `fleet.yml` said of how it is deployed; a worker whose own says otherwise begins none
    of them. A way back has none: it goes to what served before, whatever is said."""

    @property
    def projects(self) -> tuple[str, ...]:
        return tuple(name for wave in self.waves for name in wave.projects)

    @property
    def takes_back(self) -> tuple[str, ...]:
        """Of a rollback: the orders that had moved the projects, newest first."""
        return tuple(filter(None, self.of.split(", ")))

    def run_of(self, project: str) -> str:
        """The id of the run of a project: the same for every worker, so nothing is begun twice."""
        return f"{self.order}.{project}"


@dataclass
class ProjectPart:
    """One project of an order, so far. Times are ISO 8601."""

    where: Where = Where.WAITING
    worker: str = ""
    times: int = 0
    """How often a worker has taken it up."""
    handed: str = ""
    """The worker that ended and has left it to the others, while none of them has taken it up."""
    began: str = ""
    ended: str = ""
    end: ProjectEnd | None = None
    seconds: float = 0
    """How long it took."""
    calls: Mapping[str, CallsMade] = field(default_factory=dict)
    """Service and token, as `bucket_of` has them → the requests that it took."""


@dataclass(frozen=True)
class GateAnswer:
    """What the gate before a wave has answered. ``says``: why the wave may not begin, in a sentence; empty: it may."""

    may: bool
    says: str = ""
    findings: tuple[FleetFinding, ...] = ()
    """What the gate found; a command names no projects."""


@dataclass
class OrderState:
    """An order, so far. ``waves_begun``: how many; ``waves_ended``: likewise, with the time of each."""

    plan: OrderPlan
    began: str
    parts: dict[str, ProjectPart]
    waves_begun: int = 0
    waves_ended: list[str] = field(default_factory=list)
    approved: dict[str, str] = field(default_factory=dict)
    """Wave → who has agreed to it."""
    gates: dict[str, GateAnswer] = field(default_factory=dict)
    """Wave → what the gate before it said, since the order was last gone on with."""
    gates_asked: dict[str, str] = field(default_factory=dict)
    """Wave → when the gate before it was asked last."""
    gates_took: dict[str, float] = field(default_factory=dict)
    """Wave → how many seconds the gate before it took when it last said yes."""
    spent: str = ""
    """Why nothing more was begun; empty while the budget lasts."""
    resumed: list[str] = field(default_factory=list)
    """Who went on with it, each time."""
    outcome: str = ""
    ended: str = ""
    taken_back: dict[str, TakenBack] = field(default_factory=dict)
    """Project → how a later order took it back; only who has read the later orders knows."""
    done_since: frozenset[str] = frozenset()
    """The projects that a later order has deployed well, known likewise: nothing of them is left to do here."""

    def failed(self) -> tuple[str, ...]:
        """The projects that ended badly, in the order of the plan."""
        return tuple(name for name, part in self.parts.items() if part.end and is_bad(part.end, self.plan.action))

    def moved(self, wave: str = "") -> tuple[str, ...]:
        """The projects that this order moved and that serve what it made, those that ended last first."""
        planned = next((one.projects for one in self.plan.waves if one.name == wave), self.plan.projects)
        found = [(self.parts[name].ended, name) for name in planned if _is_moved(self.parts[name], self.plan)]
        return tuple(name for _, name in sorted(found, reverse=True))

    @property
    def still_moved(self) -> tuple[str, ...]:
        """Those of `moved` that no later order has taken back, or found to be somebody else's."""
        back = {name for name, one in self.taken_back.items() if one.well or one.left_alone}
        return tuple(name for name in self.moved() if name not in back)

    @property
    def in_flight(self) -> tuple[str, ...]:
        return tuple(name for name, part in self.parts.items() if part.where in UNDER_WAY)

    @property
    def following(self) -> str:
        """The wave that comes next; empty while one is under way, and when there is none."""
        return _name_of(self, self.waves_begun) if len(self.waves_ended) == self.waves_begun else ""

    @property
    def held(self) -> str:
        """Why the gate before the next wave holds the order; empty when none does."""
        answer = self.gates.get(self.following)
        return answer.says if answer and not answer.may and not self.outcome else ""

    def room(self, bound: GroupBound) -> int:
        """How many more of a bounded group may be under way."""
        return bound.at_once - sum(self.parts[name].where in UNDER_WAY for name in bound.projects)


def _is_moved(part: ProjectPart, plan: OrderPlan) -> bool:
    return plan.action is OrderAction.DEPLOY and part.end is not None and part.end.moved


def is_bad(end: ProjectEnd, action: OrderAction) -> bool:
    """Whether a project ended as nobody wanted. A newer release of somebody else is their success."""
    if action is OrderAction.ROLL_BACK:
        return end.outcome not in (BACK, THERE, Outcome.SUPERSEDED.word)
    return end.outcome not in (Outcome.DEPLOYED.word, Outcome.SUPERSEDED.word)


def state_of(order: str, events: Iterable[Event], state: OrderState | None = None) -> OrderState | None:
    """Fold ``events`` of an order; None when it is none.

    ``state``: what those before them gave, which is changed: so ten thousand projects are not folded for each event.
    """
    for event in events:
        if event.kind == BEGINS:
            plan = plan_from(order, event.body)
            state = state or OrderState(plan, event.at, {name: ProjectPart() for name in plan.projects})
        elif state:
            add(state, event)
    return state


def plan_from(order: str, body: Mapping[str, Any]) -> OrderPlan:
    """The plan that was written down as ``body``."""
    waves = tuple(PlannedWave(**{**wave, "projects": tuple(wave["projects"])}) for wave in body["waves"])
    return OrderPlan(
        order,
        OrderAction(body["action"]),
        waves,
        int(body["at_once"]),
        int(body["budget"]),
        str(body.get("when_spent", "")),
        str(body.get("by", "")),
        str(body.get("of", "")),
        tuple(body.get("flags", ())),
        {name: end_from(end) for name, end in body.get("back_to", {}).items()},
        {name: FleetWindow(**{**said, "days": tuple(said["days"])}) for name, said in body.get("windows", {}).items()},
        float(body.get("share", 0)),
        str(body.get("proof", "")),
        tuple(GroupBound(**{**said, "projects": tuple(said["projects"])}) for said in body.get("bounds", ())),
        {name: str(commit) for name, commit in body.get("commits", {}).items()},
        str(body.get("fleet", "")),
        {name: str(digest) for name, digest in body.get("settings", {}).items()},
    )


def add(state: OrderState, event: Event) -> None:
    """Fold one more event into ``state``, which is changed."""
    part = state.parts.get(event.subject, ProjectPart())
    match event.kind:
        case "wave begins" if event.subject == _name_of(state, state.waves_begun):
            state.waves_begun += 1
        case "wave ended" if event.subject == _name_of(state, len(state.waves_ended)):
            state.waves_ended.append(event.at)
        case "wave approved":
            state.approved[event.subject] = str(event.body["by"])
            state.gates.clear()
        case "gate asked":
            state.gates_asked[event.subject] = event.at
        case "gate answered":
            answer = state.gates[event.subject] = answer_from(event.body)
            if answer.may and event.subject in state.gates_asked:
                state.gates_took[event.subject] = _seconds(state.gates_asked[event.subject], event.at)
        case "order resumed":
            state.resumed.append(str(event.body["by"]))
            state.gates.clear()
        case "budget spent" if not state.spent:
            state.spent = str(event.body["says"])
        case "project queued" if part.where is Where.WAITING:
            part.where = Where.QUEUED
        case "project begins" if part.end is None:
            part.where, part.worker, part.began = Where.RUNNING, str(event.body["worker"]), part.began or event.at
            part.times += 1
            part.handed = ""
        case "project handed over" if part.where is Where.RUNNING and part.worker == str(event.body["worker"]):
            part.where, part.handed = Where.QUEUED, part.worker
        case "project ended" if part.end is None:  # a second worker may say it again
            part.where, part.end, part.ended = Where.ENDED, end_from(event.body), event.at
            part.seconds = float(event.body.get("seconds", 0))
            part.calls = {bucket: _calls(made) for bucket, made in event.body.get("calls", {}).items()}
        case "order ended" if not state.outcome:
            state.outcome, state.ended = str(event.body["outcome"]), event.at
            for other in state.parts.values():
                other.where = Where.NOT_BEGUN if other.where is Where.WAITING else other.where


def answer_from(body: Mapping[str, Any]) -> GateAnswer:
    """The answer of a gate that was written down as ``body``."""
    found = (FleetFinding(one["gate"], one["says"], tuple(one["projects"])) for one in body["findings"])
    return GateAnswer(bool(body["may"]), str(body["says"]), tuple(found))


def _seconds(since: str, until: str) -> float:
    """Seconds between two moments in ISO 8601; 0 when the clock went back."""
    took = datetime.datetime.fromisoformat(until) - datetime.datetime.fromisoformat(since)
    return max(took.total_seconds(), 0.0)


def _calls(made: Mapping[str, Any]) -> CallsMade:
    return CallsMade(int(made["calls"]), int(made["most"]), float(made["window"]))


def _name_of(state: OrderState, number: int) -> str:
    """What the wave of that number is called: whoever conducted before and did not know says things twice."""
    return state.plan.waves[number].name if number < len(state.plan.waves) else ""


def latest_orders(store: Store, limit: int) -> tuple[str, ...]:
    """Ids of the newest orders, newest first."""
    sql = "select run from deploy_events where kind = ? order by seq desc limit ?"
    return tuple(str(row[0]) for row in store.execute(sql, BEGINS, limit))

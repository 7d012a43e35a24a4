"""What the commands of a fleet print with ``--json``, field by field."""

from typing_extensions import TypedDict

from pipeline.fleet.judging import FleetFinding
from pipeline.fleet.sharing import SaidKey
from pipeline.fleet.variables import VariableFinding
from pipeline.fleet.waves import PlannedWave


class FleetPlanned(TypedDict):
    """Who would be deployed in which wave; ``problems``: project → what is wrong with its home.

    ``commits``: project → the commit that its home is at now, of those in repositories. ``settings``: project → what
    counts of the keys of `deploy.yml` that `fleet.yml` says for it.
    """

    waves: list[PlannedWave]
    at_once: int
    budget: int
    problems: dict[str, list[str]]
    commits: dict[str, str]
    settings: dict[str, list[SaidKey]]


class FleetChecked(TypedDict):
    """What gates say of so many projects; what several share is one finding."""

    asked: int
    findings: list[FleetFinding]


class FleetMonitored(TypedDict):
    """How a checklist stands in one project; the fields are those of ``monitor.daily``; ``says``: why they lack."""

    project: str
    exit: int
    severity: str
    gate: str
    reason: str
    says: str


class FleetCompared(TypedDict):
    """How the variables of so many projects differ; ``unseen``: project → why it could not be looked at."""

    asked: int
    findings: list[VariableFinding]
    unseen: dict[str, str]


class ProjectStanding(TypedDict):
    """How a project of a fleet stands; all but its name and ``says`` are empty when it was in no order yet."""

    project: str
    order: str
    action: str
    wave: str
    where: str
    run: str
    worker: str
    taken_up: int
    stage: str
    outcome: str
    says: str


class FleetOrdered(TypedDict):
    """How an order ended, or stands."""

    order: str
    outcome: str
    projects: list[ProjectStanding]


class ReportedWave(TypedDict):
    """A wave of an order, so far; ``agreed``: who agreed to it; ``gate``: what has to say yes before it, in words."""

    name: str
    stands: str
    projects: list[str]
    well: int
    bad: int
    agreed: str
    gate: str


class LeftForSomebody(TypedDict):
    """What a person has to do in some projects, and the command that does it or says more."""

    says: str
    projects: list[str]
    command: str


class FleetReported(FleetOrdered):
    """An order as a whole; times as ISO 8601. ``of``: the one that it takes back; ``spent``: why no more was begun."""

    action: str
    by: str
    signed: bool
    resumed_by: list[str]
    of: str
    began: str
    ended: str
    budget: int
    spent: str
    waves: list[ReportedWave]
    findings: list[FleetFinding]
    left: list[LeftForSomebody]

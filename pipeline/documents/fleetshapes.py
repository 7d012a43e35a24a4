"""What the commands of a fleet print with ``--json``, field by field."""

from typing_extensions import TypedDict

from pipeline.fleet.estimating import CallsEstimate, GateEstimate, WaveEstimate
from pipeline.fleet.judging import FleetFinding
from pipeline.fleet.pending import FleetMigrations
from pipeline.fleet.sharing import SaidKey
from pipeline.fleet.variables import VariableFinding
from pipeline.fleet.waves import PlannedWave


class EstimatedProject(TypedDict):
    """How long a project would take, null for not known; ``measured_on``: it or one like it; ``measured_in``: order."""

    project: str
    seconds: float | None
    measured_in: str
    measured_on: str


class EstimatedOrder(TypedDict):
    """What an order would take, in seconds; ``at_least``: some projects are not known; ``binds``: what holds it up.

    ``least``: the seconds when gates that were never asked take none, and not their deadline.
    """

    seconds: float
    at_least: bool
    binds: str
    waves: list[WaveEstimate]
    calls: list[CallsEstimate]
    gates: list[GateEstimate]
    least: float
    projects: list[EstimatedProject]


class FleetPlanned(TypedDict):
    """Who would be deployed in which wave; ``problems``: project → what is wrong with its home.

    ``commits``: project → the commit that its home in a repository is at. ``settings``: project → what counts of the
    keys of `deploy.yml` that `fleet.yml` says for it. ``gates`` and ``migrations`` are null when they were not asked.
    """

    waves: list[PlannedWave]
    at_once: int
    budget: int
    problems: dict[str, list[str]]
    commits: dict[str, str]
    frozen: list[str]
    gates: list[FleetFinding] | None
    migrations: FleetMigrations | None
    estimate: EstimatedOrder
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
    """How a project of a fleet stands; all but its name and ``says`` are empty when it was in no order yet.

    ``taken_back``: the later order that took it back; ``serves``: the deployment that is live by the record, or empty.
    """

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
    taken_back: str
    serves: str


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
    back: int


class ProjectTakenBack(TypedDict):
    """How a later order took a project back; ``moved_on``: a still later one, which has moved it again."""

    project: str
    order: str
    outcome: str
    serves: str
    says: str
    moved_on: str


class LeftForSomebody(TypedDict):
    """What a person has to do in some projects, and the command that does it or says more."""

    says: str
    projects: list[str]
    command: str


class FleetReported(FleetOrdered):
    """An order as a whole; times as ISO 8601. ``of``: those that it takes back, by comma; ``spent``: why no more was
    begun; ``exit``: the exit code of the command by the record, null while the order goes on.
    """

    action: str
    by: str
    signed: bool
    resumed_by: list[str]
    of: str
    began: str
    ended: str
    exit: int | None
    budget: int
    spent: str
    waves: list[ReportedWave]
    back: list[ProjectTakenBack]
    findings: list[FleetFinding]
    left: list[LeftForSomebody]

"""What commands print with ``--json``, as types, and the JSON Schema of each, generated from them."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from pipeline.clients.vercelshapes import LogLine
from pipeline.documents.actshapes import (
    BeforeTheMerge,
    BuildFacts,
    Escalated,
    ExportedRecord,
    ImportedRecord,
    PlannedDeploy,
    ReviewBegun,
    RollbackPlanned,
    RollbackRefused,
    ToldAudience,
    ToldGitHub,
    TrimmedRecord,
    Upgraded,
    WrittenPages,
)
from pipeline.documents.answershapes import (
    AnsweredGates,
    ChangedMonitors,
    CheckedVariables,
    Checklist,
    Examined,
    FaultKinds,
    OpenIncidents,
    PlainScore,
    PlannedMigrations,
    RehearsedRestore,
    RollbackProved,
    RollbackUnproved,
    SectionState,
    SelfTest,
    VerifiedFile,
    VerifiedRecord,
)
from pipeline.documents.fleetshapes import (
    FleetChecked,
    FleetCompared,
    FleetMonitored,
    FleetOrdered,
    FleetPlanned,
    FleetReported,
    ProjectStanding,
)
from pipeline.probes.load import Load
from pipeline.record.approvals import GivenApproval
from pipeline.record.dora import Delivery
from pipeline.record.history import GateRecord, PersonRecord
from pipeline.record.report import Report
from pipeline.session.baseline import BaselineRow
from pipeline.session.bisecting import Found
from pipeline.session.questions import Answered
from pipeline.session.runs import LockAct
from pipeline.session.status import TargetStatus
from pipeline.session.waiving import JudgedWaiver

DIALECT = "https://json-schema.org/draft/2020-12/schema"


ANSWERS: dict[str, Any] = {
    "deploy": Report | PlannedDeploy,
    "settle": Report,
    "accept": Report,
    "follow": Report,
    "report": Report,
    "rollback": RollbackProved | RollbackUnproved | RollbackRefused | RollbackPlanned,
    "approve": GivenApproval,
    "history": list[Report] | Delivery | list[GateRecord] | list[PersonRecord],
    "status": TargetStatus,
    "logs": LogLine,
    "bisect": Found,
    "lock": LockAct,
    "unlock": LockAct,
    "waivers": list[JudgedWaiver],
    "check": AnsweredGates,
    "check.pull-request": BeforeTheMerge,
    "build": BuildFacts,
    "env.check": CheckedVariables,
    "database.plan": PlannedMigrations,
    "database.rehearse-restore": RehearsedRestore,
    "diagnose": Checklist,
    "diagnose.database": list[Answered],
    "monitor.daily": Checklist,
    "monitor.weekly": Checklist,
    "monitor.baseline": list[BaselineRow],
    "monitor.sync": ChangedMonitors,
    "incident.status": OpenIncidents,
    "incident.open": OpenIncidents,
    "incident.note": OpenIncidents,
    "incident.resolve": OpenIncidents,
    "incident.escalate": Escalated,
    "incident.notify": ToldAudience,
    "incident.review": ReviewBegun,
    "journal.verify": VerifiedRecord | VerifiedFile,
    "journal.export": ExportedRecord,
    "journal.import": ImportedRecord,
    "journal.trim": TrimmedRecord,
    "journal.tell": ToldGitHub,
    "runbooks": WrittenPages,
    "runbooks.review": list[SectionState],
    "doctor": Examined,
    "drill": list[PlainScore],
    "upgrade": Upgraded,
    "fault": FaultKinds,
    "faults": FaultKinds,
    "load": Load,
    "fleet.plan": FleetPlanned,
    "fleet.check": FleetChecked,
    "fleet.env": FleetCompared,
    "fleet.monitor": list[FleetMonitored],
    "fleet.deploy": FleetOrdered,
    "fleet.rollback": FleetOrdered,
    "fleet.report": FleetReported,
    "fleet.status": list[ProjectStanding],
    "sandbox": dict[str, Any],
    "selftest": SelfTest,
}
"""Command, or the family whose commands all do so → what it prints with ``--json``; of ``logs`` each line."""


SAYS_NO_FACTS: dict[str, str] = {
    "build.tools": "installs the Vercel CLI; what is printed is npm's",
    "dashboard": "serves pages until it is stopped; history, status, report and monitor.baseline say the same",
    "database.resolve": "an act; database.plan says what is so then",
    "database.seed": "an act; ends well or says why not",
    "database.restore": "a person types the name of what is overwritten; status and database.plan say what is so then",
    "fleet.carry": "what a worker starts for one project of an order; fleet.status says how it ended",
    "fleet.dashboard": "serves pages until it is stopped; fleet.report and fleet.status say the same",
    "fleet.init": "asks a person, and writes a file that is read",
    "fleet.freeze": "an act; fleet.status says what waits for its end",
    "fleet.variables": "what fleet.env starts for one project; fleet.env says what came of it",
    "fleet.example": "writes a fleet to play with",
    "fleet.worker": "carries runs until it is stopped; fleet.status says how they stand",
    "init": "asks a person, and writes files that are read",
    "playbook": "a talk with a person; incident.status says what is so then",
    "runbooks.done": "an act; runbooks --check says what is still to be done",
    "runbooks.prove": "writes runbooks/proofs.json",
    "test": "what is printed is pytest's",
}
"""Command, or family, without ``--json`` → why nothing that it prints would be read by a program."""


def answered_by(command: str) -> Any:
    """The type that ``command`` prints with ``--json``: its own, or that of its family; None when it has none."""
    return ANSWERS.get(command) or ANSWERS.get(command.partition(".")[0])


class _Printed(GenerateJsonSchema):
    """The schema of what is printed: of a dataclass every field is, also one that has a default."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        return field["type"] == "dataclass-field" or super().field_is_required(field, total)


def answers_schema() -> dict[str, Any]:
    """One schema whose property NAME is what the command NAME prints, with nothing besides."""
    inputs = [(name, "serialization", TypeAdapter(kind)) for name, kind in ANSWERS.items()]
    found, whole = TypeAdapter.json_schemas(inputs, schema_generator=_Printed)  # type: ignore[arg-type]
    shapes: Mapping[str, Any] = whole.get("$defs", {})
    for shape in shapes.values():
        if "properties" in shape:
            shape["additionalProperties"] = False
    return {
        "$schema": DIALECT,
        "title": "What each command prints with --json",
        "type": "object",
        "properties": {name: found[(name, "serialization")] for name in ANSWERS},
        "$defs": dict(sorted(shapes.items())),
    }

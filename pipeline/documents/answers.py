"""What commands print with ``--json``, as types, and the JSON Schema of each, generated from them."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from pipeline.clients.vercelshapes import LogLine
from pipeline.documents.answershapes import (
    AnsweredGates,
    ChangedMonitors,
    CheckedVariables,
    Checklist,
    Examined,
    FaultKinds,
    FleetChecked,
    FleetCompared,
    FleetMonitored,
    FleetOrdered,
    FleetPlanned,
    OpenIncidents,
    PlainScore,
    PlannedMigrations,
    ProjectStanding,
    RehearsedRestore,
    RollbackProved,
    RollbackUnproved,
    SectionState,
    SelfTest,
    VerifiedFile,
    VerifiedRecord,
)
from pipeline.record.approvals import GivenApproval
from pipeline.record.dora import Delivery
from pipeline.record.history import GateRecord, PersonRecord
from pipeline.record.report import Report
from pipeline.session.baseline import BaselineRow
from pipeline.session.questions import Answered
from pipeline.session.status import TargetStatus
from pipeline.session.waiving import JudgedWaiver

DIALECT = "https://json-schema.org/draft/2020-12/schema"


ANSWERS: dict[str, Any] = {
    "deploy": Report,
    "settle": Report,
    "accept": Report,
    "follow": Report,
    "report": Report,
    "rollback": RollbackProved | RollbackUnproved,
    "approve": GivenApproval,
    "history": list[Report] | Delivery | list[GateRecord] | list[PersonRecord],
    "status": TargetStatus,
    "logs": LogLine,
    "waivers": list[JudgedWaiver],
    "check": AnsweredGates,
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
    "journal.verify": VerifiedRecord | VerifiedFile,
    "runbooks.review": list[SectionState],
    "doctor": Examined,
    "drill": list[PlainScore],
    "faults": FaultKinds,
    "fleet.plan": FleetPlanned,
    "fleet.check": FleetChecked,
    "fleet.env": FleetCompared,
    "fleet.monitor": list[FleetMonitored],
    "fleet.deploy": FleetOrdered,
    "fleet.rollback": FleetOrdered,
    "fleet.status": list[ProjectStanding],
    "sandbox": dict[str, Any],
    "selftest": SelfTest,
}
"""Command, or the family whose commands all do so → what it prints with ``--json``; of ``logs`` each line."""


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

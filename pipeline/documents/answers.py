"""What commands print with ``--json``, as types, and the JSON Schema of each, generated from them."""

from collections.abc import Mapping
from typing import Any, NotRequired

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from typing_extensions import TypedDict

from checks.evidence import EnvironmentVariables, Migrations, PlannedChanges, ReadVariables
from pipeline.clients.vercelshapes import LogLine
from pipeline.drills.score import ScorePoint
from pipeline.incidents.cadence import Due
from pipeline.record.approvals import GivenApproval
from pipeline.record.dora import Delivery
from pipeline.record.history import GateRecord, PersonRecord
from pipeline.record.incidents import Incident
from pipeline.record.report import Report
from pipeline.session.baseline import BaselineRow
from pipeline.session.questions import Answered
from pipeline.session.status import TargetStatus
from pipeline.session.waiving import JudgedWaiver
from pipeline.steps.restoring import TableCounts

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class RollbackProved(TypedDict):
    """A rollback that is proved. ``answered``: the HTTP status of the domain."""

    outcome: str
    target: str
    domain: str
    deployment: str
    commit: str
    was: str
    answered: int
    well: bool
    state: str
    unknown: list[str]


class RollbackUnproved(TypedDict):
    """A rollback that is not; ``by_hand``: what to type."""

    outcome: str
    target: str
    reason: str
    by_hand: str


class PlainFinding(TypedDict):
    """A finding of a gate; ``verdict``: pass, warn, not yet, unknown or block."""

    verdict: str
    subject: str
    says: str
    fix: str
    severity: NotRequired[str]


Gates = dict[str, list[PlainFinding]]


class AnsweredGates(TypedDict):
    """Gate → its findings; none: it says yes."""

    gates: Gates


class CheckedVariables(AnsweredGates):
    """``seen``: the target's variables and what the code reads; empty when they could not be read."""

    seen: tuple[EnvironmentVariables, ReadVariables] | tuple[()]


class PlannedMigrations(AnsweredGates):
    """``seen``: the migrations and what they would do; empty when that could not be read."""

    seen: tuple[Migrations, PlannedChanges] | tuple[()]


class RehearsedRestore(TypedDict):
    """``whole``: whether rows came back, and for most of the tables that have some in production."""

    source: str
    seconds: float
    loses_minutes: float
    tables: list[TableCounts]
    schema: list[str]
    whole: bool


class Symptom(TypedDict):
    """One thing that the doctor looked at."""

    service: str
    verdict: str
    subject: str
    says: str
    fix: str
    page: str
    scopes: str
    paste: str


class Examined(TypedDict):
    target: str
    exit_code: int
    symptoms: list[Symptom]


class PlainScore(TypedDict):
    """How an exercise went; ``percent`` of what was to be done."""

    scenario: str
    played: str
    by: str
    points: list[ScorePoint]
    detect: float | None
    decide: float | None
    recover: float | None
    percent: int


class OpenIncidents(TypedDict):
    """``due``: incident → the messages that are to be sent, and when."""

    incidents: list[Incident]
    due: dict[str, list[Due]]


class Compared(TypedDict):
    both: int
    record: int
    copy: int


class VerifiedRecord(TypedDict):
    """``head``: the hash of the last event; ``faults``: what is not what it was."""

    record: str
    events: int
    trimmed: int
    head: str
    against: NotRequired[Compared]
    faults: list[str]


class VerifiedFile(TypedDict):
    file: str
    run: str
    events: int
    readings: int
    head: str
    digest: str
    signed: str
    faults: list[str]


class AskedGate(TypedDict):
    gate: str
    verdict: str
    ms: int
    seen: str
    findings: list[PlainFinding]


class ChecklistLine(TypedDict):
    does: str
    verdict: str
    gates: list[AskedGate]


class Checklist(TypedDict):
    """``severity``: P0 to P3, ``unknown``, or empty when all is well; ``exit``: the command's exit code."""

    name: str
    at: str
    target: str
    commit: str
    severity: str
    gate: str
    reason: str
    playbook: str
    exit: int
    lines: list[ChecklistLine]


class ChangedMonitors(TypedDict):
    """``window``: what the maintenance window lacks; ``applied``: whether they were changed."""

    changes: list[Any]
    window: str
    applied: bool


class SectionState(TypedDict):
    """A section of the runbooks, and whether somebody has read it as it is."""

    section: str
    digest: str
    state: str
    by: list[str]
    on: str


class FaultKinds(TypedDict):
    """The faults that are on, as they were typed, and every kind with its words."""

    on: list[str]
    kinds: dict[str, str]


class SeenGate(TypedDict):
    """One way in which the self-test has broken the sandbox for a gate, and what came of it."""

    gate: str
    kind: str
    broken_by: str
    asked_in: str
    follows: str
    examples: Any
    rested: Any
    stopped: Any
    cured: Any
    verdict: str
    said: str
    ended: str
    problem: str
    seconds: float
    did_not_run: str
    whole: bool


class SelfTest(TypedDict):
    gates: int
    ways: int
    stopped: int
    cured: int
    whole: bool
    seconds: float
    seen: list[SeenGate]


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

"""The documents that commands put together for ``--json``, beside the values that they print as they are."""

from typing import Any, NotRequired

from typing_extensions import TypedDict

from checks.evidence import EnvironmentVariables, Migrations, PlannedChanges, ReadVariables
from pipeline.clients.timing import Took
from pipeline.drills.score import ScorePoint
from pipeline.incidents.cadence import Due
from pipeline.record.incidents import Incident
from pipeline.steps.restoring import TableCounts


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
    """``seen``: the migrations and what they would do; empty when that could not be read.

    ``took``: what each statement took on a copy, in the sandbox of one's own app; else empty.
    """

    seen: tuple[Migrations, PlannedChanges] | tuple[()]
    took: tuple[Took, ...]


class RehearsedRestore(TypedDict):
    """``whole``: whether rows came back, and for most of the tables that have some in production."""

    source: str
    seconds: float
    loses_minutes: float
    tables: list[TableCounts]
    schema: list[str]
    whole: bool


class PlainSymptom(TypedDict):
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
    symptoms: list[PlainSymptom]


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


class ComparedRecords(TypedDict):
    both: int
    record: int
    copy: int


class VerifiedRecord(TypedDict):
    """``head``: the hash of the last event; ``faults``: what is not what it was."""

    record: str
    events: int
    trimmed: int
    head: str
    against: NotRequired[ComparedRecords]
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


class PlainChecklistLine(TypedDict):
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
    lines: list[PlainChecklistLine]


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

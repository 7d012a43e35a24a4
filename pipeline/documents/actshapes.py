"""The documents of commands that plan, make or write something down, for ``--json``."""

from typing_extensions import TypedDict

from checks.policy import Contact
from pipeline.documents.answershapes import PlainFinding


class RollbackRefused(TypedDict):
    """A rollback that would bring back a release that cannot live with the schema; ``restore``: what to type."""

    outcome: str
    way: str
    deployment: str
    reasons: list[str]
    remarks: list[str]
    restore: str
    loses_minutes: float


class RollbackPlanned(TypedDict):
    """What a rollback would do; ``schema``: whether that release can live with the schema, in words."""

    outcome: str
    target: str
    domain: str
    serves: str
    deployment: str
    commit: str
    waits_for: str
    schema: list[str]
    unknown: list[str]


class PlannedStep(TypedDict):
    """``undone_by`` is empty for what nothing undoes."""

    step: str
    title: str
    undone_by: str


class PlannedGate(TypedDict):
    gate: str
    title: str


class PlannedStage(TypedDict):
    """``patience``: seconds that *not yet* is borne; ``watches``: seconds that it keeps asking after the first yes."""

    name: str
    purpose: str
    patience: float
    watches: float
    does: list[PlannedStep]
    asks: list[PlannedGate]
    advises: list[PlannedGate]


class PlannedDeploy(TypedDict):
    """What a deploy would do; nothing was asked to say so."""

    pipeline: str
    target: str
    purpose: str
    stages: list[PlannedStage]


class Upgraded(TypedDict):
    """``names``: old names in deploy.yml, by line; ``changes``: the generated files that differ, and how much."""

    version: str
    home: str
    names: list[str]
    changes: list[str]
    written: bool


class BuildFacts(TypedDict):
    """``hidden``: variables whose values Vercel gives to no build but its own; ``output``: empty when there is none."""

    target: str
    folder: str
    vercel: str
    hidden: list[str]
    output: str


class PlainRemark(PlainFinding):
    """What a gate says of a file of a pull request; ``line`` 0: the whole of it."""

    gate: str
    file: str
    line: int


class BeforeTheMerge(TypedDict):
    """``stale``: what is wrong with the generated files, with a diff; empty when nothing is."""

    remarks: list[PlainRemark]
    stale: str


class WrittenPages(TypedDict):
    """``files``: what was written; ``stale``: with ``--check``, what is wrong with what is there."""

    files: list[str]
    stale: str


class Escalated(TypedDict):
    """Who is to be called now; ``reached``: by which channels they were paged."""

    contact: Contact
    reached: list[str]
    failed: list[str]


class ToldAudience(TypedDict):
    """What an audience was told, or would be; ``missing``: fields of the template that nobody has filled in."""

    audience: str
    words: str
    reached: list[str]
    failed: list[str]
    missing: list[str]


class ReviewBegun(TypedDict):
    """``open``: what has to be done in the runbooks, a line each."""

    file: str
    open: list[str]


class ExportedRecord(TypedDict):
    """``run``: the only one that the copy has, or empty; ``signed``: by whom, or empty."""

    file: str
    run: str
    events: int
    readings: int
    head: str
    signed: str


class ImportedRecord(TypedDict):
    file: str
    events: int
    new: int
    record: str


class TrimmedRecord(TypedDict):
    """``gone``: how many events were let go of; ``copy``: the file that has them, empty when none are gone."""

    before: str
    gone: int
    copy: str


class ToldGitHub(TypedDict):
    target: str
    told: int
    left: int

"""Runs as the journal tells them, one of each kind: for what renders them."""

import datetime
from typing import Any

from pipeline.record.journal import Event
from pipeline.record.report import Report, report_of

BEGAN = datetime.datetime(2026, 11, 2, 10, tzinfo=datetime.UTC)
COMMIT, OLD = "c0ffee" * 6 + "c0ff", "0ddba11" * 5 + "0ddba"
STAGED = {"type": "StagedDeployment", "value": {"id": "dpl_new", "url": "https://new.vercel.app", "commit": COMMIT}}
BEFORE = {"type": "ProductionBefore", "value": {"id": "dpl_old", "url": "https://old.vercel.app", "domain": "x"}}
PRODUCTION = {"type": "Production", "value": {"id": "dpl_old", "commit": OLD}}


class Telling:
    """The events of a run, told with their seconds from its beginning."""

    def __init__(self, run: str = "r1", **more: Any) -> None:
        self.run, self.events = run, list[Event]()
        said = {"pipeline": "deploy", "target": "production", "commit": COMMIT, "by": "kim", "production": "https://x"}
        self.tell(0, "run begins", **{**said, "release": {"committed": BEGAN.isoformat()}, **more})

    def tell(self, second: float, kind: str, subject: str = "", **body: Any) -> "Telling":
        at = (BEGAN + datetime.timedelta(seconds=second)).isoformat()
        self.events.append(Event(self.run, at, kind, subject, body))
        return self

    def gate(self, second: float, name: str, verdict: str = "pass", ms: int = 100, *said: dict[str, str]) -> "Telling":
        return self.tell(second, "gate answered", name, verdict=verdict, ms=ms, findings=list(said))

    def step(self, begins: float, ends: float, name: str, gives: Any = None, inputs: Any = ()) -> "Telling":
        self.tell(begins, "step begins", name, inputs=inputs)
        return self.tell(ends, "step done", name, gives=gives)

    def stage(self, begins: float, name: str, during: float = 0) -> "Telling":
        return self.tell(begins, "stage begins", name, patience=60.0, during=during)

    def settled(self, second: float, name: str) -> "Telling":
        return self.tell(second, "stage settled", name, warning="")

    @property
    def report(self) -> Report:
        return report_of(self.run, self.events)


def finding(verdict: str, subject: str, says: str, fix: str = "") -> dict[str, str]:
    return {"verdict": verdict, "subject": subject, "says": says, "fix": fix}


def promoted(run: str = "r1", **more: Any) -> Telling:
    """A run until users have its release, at second 40."""
    told = Telling(run, **more).stage(1, "preflight")
    told.gate(2, "source.ci-is-green", "not yet", 900).gate(5, "source.ci-is-green", "pass", 400)
    told.gate(3, "calendar.no-freeze", "pass", 10).settled(6, "preflight")
    told.stage(6, "build").step(7, 20, "build", STAGED).settled(21, "build")
    told.stage(21, "promote").step(22, 23, "note-production", BEFORE, [PRODUCTION])
    return told.step(30, 40, "promote").settled(41, "promote").stage(41, "watch", during=600)


def deployed() -> Report:
    return (
        promoted().gate(42, "watch.stays-well").settled(641, "watch").tell(642, "run ended", outcome="deployed").report
    )


def rolled_back(says: str = "answered 500", reason: str = "watch: /health answered 500") -> Report:
    told = promoted().gate(50, "watch.stays-well", "block", 80, finding("block", "/health", says, "curl -i https://x"))
    told.tell(60, "going back", reason=reason).tell(61, "undo begins", "promote", undo="restore-production")
    return told.tell(70, "undo done", "promote").tell(71, "run ended", outcome="rolled back", reason=reason).report


def blocked() -> Report:
    told = (
        Telling().stage(1, "preflight").gate(2, "source.ci-is-green", "block", 90, finding("block", "test", "failed"))
    )
    told.tell(3, "going back", reason="preflight: test failed")
    return told.tell(4, "run ended", outcome="blocked", reason="preflight: test failed").report


def held() -> Report:
    said = finding("unknown", "sentry", "could not be read")
    told = promoted().gate(50, "watch.errors-stay-usual", "unknown", 80, said)
    told.tell(60, "holding", reason="watch: sentry could not be read", because="unseen")
    return told.tell(61, "run ended", outcome="held", reason="watch: sentry could not be read").report


def stranded() -> Report:
    told = promoted().gate(50, "watch.stays-well", "block", 80, finding("block", "/health", "answered 500"))
    told.tell(60, "going back", reason="watch: bad").tell(61, "undo begins", "promote", undo="restore-production")
    told.tell(70, "undo failed", "promote", error="vercel: 500", by_hand="Run vercel rollback $PREVIOUS")
    return told.tell(71, "run ended", outcome="stranded", reason="watch: bad").report


def running() -> Report:
    return promoted().gate(42, "watch.stays-well").report


def empty() -> Report:
    return report_of("r0", [])

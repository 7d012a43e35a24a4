"""What was seen of all projects of a fleet as text: what several share stands once, the worst first."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from checks.amounts import amount
from pipeline.fleet.judging import FleetFinding
from pipeline.fleet.surveying import UNREAD, ProjectAnswer
from pipeline.fleet.variables import VariableFinding
from pipeline.redact import one_line
from pipeline.render.fleetmarks import BAD, GOOD, some

WORDS = {0: "well", 10: "P0", 11: "P1", 12: "P2", 13: "P3"}


def checked_text(projects: Sequence[str], findings: Sequence[FleetFinding]) -> str:
    """What would stop which projects."""
    stopped = {name for one in findings for name in one.projects}
    were = f"{amount(len(projects), 'project')} {'was' if len(projects) == 1 else 'were'} asked"
    lines = [f"{were}; {len(projects) - len(stopped)} may go on"]
    for one in findings:
        lines.append(f"\n{BAD} {one.gate or 'no answer'}: {one_line(one.says)}")
        lines.append(f"  {len(one.projects)}: {some(one.projects)}")
    return "\n".join(lines)


def monitored_text(answers: Iterable[ProjectAnswer]) -> str:
    """One line a project: how grave it is, and what says so."""
    return "\n".join(_monitored(answer) for answer in answers)


def _monitored(answer: ProjectAnswer) -> str:
    told = monitored(answer)
    word, mark = WORDS.get(told["exit"], "unread"), GOOD if told["exit"] == 0 else BAD
    says = ": ".join(filter(None, (told["gate"], told["reason"] or told["says"])))
    return f"{mark} {answer.project:<24} {word:<6} {one_line(says)}".rstrip()


def monitored(answer: ProjectAnswer) -> dict[str, Any]:
    """What a checklist says of a project, as plain values; ``exit`` 14: it could not be read, or not be asked."""
    body = answer.body if isinstance(answer.body, dict) else {}
    told = {key: str(body.get(key, "")) for key in ("severity", "gate", "reason")}
    return {"project": answer.project, "exit": int(body.get("exit", UNREAD)), **told, "says": answer.says}


def compared_text(many: int, findings: Iterable[VariableFinding], unseen: Mapping[str, str]) -> str:
    """Which variables are missing or differ where; no values."""
    lines = [
        f"{BAD} {one_line(one.variable)} {one.says}: {len(one.projects)}{f' of {one.group}' if one.group else ''}: "
        f"{some(one.projects)}"
        for one in findings
    ]
    lines += [f"{BAD} {name}: could not be looked at: {one_line(says)}" for name, says in unseen.items()]
    return "\n".join(lines or [f"{GOOD} {many} projects have all that they need, and agree with their groups"])

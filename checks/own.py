"""A gate of the home's own that is a command: its exit code and the JSON lines that it prints are its findings."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from checks.evidence import Evidence
from checks.gate import Finding, Findings, Gate, Verdict, block, worst
from checks.procedure import Procedure

MOST, LONGEST = 50, 500
"""Findings that are kept of one answer, the gravest ones; characters of each of their texts."""
YES, NO = 0, 1
CRASH = re.compile(r"[\w.]*(?:Error|Exception)\b")
"""A line that names what went wrong: Node.js ends with its own version behind it."""
KEYS = {"verdict", "subject", "says", "fix"}
VERDICTS = {one.word: one for one in (Verdict.PASS, Verdict.WARN, Verdict.NOT_YET, Verdict.BLOCK)}


@dataclass(frozen=True)
class CommandAnswer(Evidence):
    """What the command answered: its exit code, the findings among the lines that it printed, and its last other line, or the one
    that names an error.

    0 is yes and 1 is no; with any other code it could not look. A line that begins with `{` is a finding: `verdict`
    (`block`, `not yet`, `warn`), `subject`, `says` and, if you like, `fix`.
    """

    code: int = YES
    said: tuple[Finding, ...] = ()
    last: str = ""


def answer_of(code: int, printed: str, complained: str = "") -> CommandAnswer:
    """Read an answer. Raises ValueError when it is none: another exit code, or a finding that cannot be read."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    words = [*filter(None, map(str.strip, complained.splitlines())), *(one for one in lines if one[0] != "{")]
    last = next((one for one in reversed(words) if CRASH.match(one)), words[-1] if words else "")[:LONGEST]
    if code not in (YES, NO):
        raise ValueError(f"it ended with {code}" + (f": {last}" if last else ""))
    said = (_finding(line) for line in lines if line[0] == "{")
    return CommandAnswer(code, bounded(one for one in said if one.verdict is not Verdict.PASS), last)


def bounded(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The gravest of ``findings``, and of their texts the beginning: they are written by others."""
    gravest = sorted(findings, key=lambda finding: -finding.verdict)[:MOST]
    return tuple(
        replace(one, subject=one.subject[:LONGEST], says=one.says[:LONGEST], fix=one.fix[:LONGEST]) for one in gravest
    )


def _finding(line: str) -> Finding:
    try:
        raw: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it printed a line that is no JSON: {line[:80]}") from error
    texts: Mapping[str, str] = {key: value for key, value in raw.items() if isinstance(value, str)}
    unknown = set(raw) - KEYS
    if unknown or len(texts) < len(raw) or not (texts.get("subject") and texts.get("says")):
        raise ValueError(f"it printed no finding, which has {', '.join(sorted(KEYS))} as texts: {line[:80]}")
    if texts.get("verdict") not in VERDICTS:
        raise ValueError(f"it printed a verdict that is none of {', '.join(VERDICTS)}: {line[:80]}")
    return Finding(VERDICTS[texts["verdict"]], texts["subject"], texts["says"], texts.get("fix", ""))


def judged(answer: CommandAnswer) -> Findings:
    """What the command found; when it said no and nothing of what it found stops a run, that it said no."""
    yield from answer.said
    if answer.code == NO and not worst(answer.said).stops:
        yield block("the command", "says no" + (f": {answer.last}" if answer.last else ""))


class CommandGate(Gate):
    """A gate that is a command. ``words``: the program and its arguments; ``seconds``: how long it may take.

    ``environment``: the names of the variables that it is given beside those that every process has.
    """

    def __init__(
        self,
        name: str,
        stage: str,
        words: Procedure,
        command: tuple[str, ...],
        seconds: float,
        environment: tuple[str, ...],
    ) -> None:
        self.judge, self.repeats, self.stage = judged, False, stage
        self.name, self.family, self.procedure = name, name.partition(".")[0], words
        self.command, self.seconds, self.environment = command, seconds, environment
        self.examples = []

"""``invoke env.check``: the target's environment as a table of names, never of values, and what the gates say."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from checks.evidence import EnvironmentVariables, ReadVariables
from checks.gate import Finding, Gate, worst
from pipeline.check_cli import READERS
from pipeline.config import Config
from pipeline.definition import ENVIRONMENT
from pipeline.errors import ServiceError
from pipeline.execute import Order, session
from pipeline.readings import Round
from pipeline.release_source import find_release
from pipeline.render.environment import variables_text
from pipeline.render.report import finding_text, line_text
from pipeline.report import Line
from pipeline.target import open_world
from pipeline.waivers import waive


def check(config: Config, order: Order, root: Path, out: Callable[[str], None]) -> bool:
    """Print both; whether something stops a run."""
    with session(config, order.target, root) as it:

        async def ask() -> tuple[str, list[tuple[Gate, tuple[Finding, ...], int]]]:
            release = find_release(it.settings, order, root, it.clock)
            async with (
                open_world(it.settings, release, "env.check", it.clock) as world,
                Round(world, it.settings.policies, READERS) as look,
            ):

                async def one(gate: Gate) -> tuple[Gate, tuple[Finding, ...], int]:
                    began = it.clock.monotonic()
                    findings, _ = await look.ask(gate)
                    findings = waive(it.config.file.waivers, gate.name, findings, it.clock.now().date())
                    return gate, findings, round((it.clock.monotonic() - began) * 1000)

                answers = list(await asyncio.gather(*(one(gate) for gate in ENVIRONMENT)))
                try:
                    seen, read = await look.all((EnvironmentVariables, ReadVariables))
                except ServiceError:  # the gates have said so
                    return "", answers
                required = [wanted.name for wanted in it.config.policies[it.settings.name].environment.required]
                return variables_text(seen, read, required), answers

        table, answers = asyncio.run(ask())
        if table:
            out(table + "\n")
        for gate, findings, ms in answers:
            out(line_text(Line("gate", gate.name, worst(findings).word, "", ms)))
            _say(it.redactor, findings, out)
        return any(worst(findings).stops for _, findings, _ in answers)


def _say(redact: Callable[[str], str], findings: Sequence[Finding], out: Callable[[str], None]) -> None:
    for one in findings:
        plain = {"verdict": one.verdict.word, "subject": one.subject, "says": one.says, "fix": one.fix}
        out(redact(finding_text(plain)))

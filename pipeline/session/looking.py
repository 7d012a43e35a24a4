"""Looks closer at deployments: their logs, and which of them was the first bad one. Changes nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

from checks.evidence import StagedDeployment
from checks.gate import Gate, Verdict, worst
from checks.health import staged_is_well
from checks.identity import staged_is_itself
from checks.smoke import journeys_work, routes_answer
from pipeline.clients.command import run_in_shell
from pipeline.clients.vercelshapes import Deployment, LogLine
from pipeline.engine.plan import probes_by_type
from pipeline.engine.readings import Round
from pipeline.environment import OUTSIDE, for_child
from pipeline.errors import Mistake
from pipeline.probes.every import PROBES
from pipeline.session.bisecting import Found, Judgement, between, most_questions, search
from pipeline.session.logs import Filter, following, matching
from pipeline.session.runs import vercel_of
from pipeline.session.session import Session
from pipeline.world.world import World

SKIP = 125  # as `git bisect run` has it
NEWEST = 100
JUDGES: tuple[Gate, ...] = (staged_is_well, routes_answer, journeys_work)


def read_logs(
    session: Session,
    deployment: str,
    wanted: Filter,
    say: Callable[[LogLine], None],
    *,
    build: bool,
    follow: bool = False,
) -> tuple[Deployment, int]:
    """Give ``say`` each line of the deployment (empty: the live one), oldest first; with ``follow`` as they come, for
    ever. Returns the deployment and how many lines there were. Raises Mistake when nothing is live, ServiceError."""

    async def ask() -> tuple[Deployment, int]:
        domain = session.settings.domain
        async with vercel_of(session) as (vercel, _):
            one = await (vercel.deployment(deployment) if deployment else vercel.production(domain))
            if one is None:
                raise Mistake(f"logs: {domain} serves nothing; say --deployment ID")
            lines = _each(await vercel.build_lines(one.id)) if build else vercel.runtime_log(one.id, follow=follow)
            count = 0
            async for line in following(lines, wanted) if follow else _each(await matching(lines, wanted)):
                say(line)
                count += 1
            return one, count

    return asyncio.run(ask())


async def _each(lines: Iterable[LogLine]) -> AsyncIterator[LogLine]:
    for line in lines:
        yield line


@dataclass(frozen=True)
class Question:
    """Where to look, and how to judge: by the smoke gates, or by ``command`` (0 good, 125 skip, else bad)."""

    good: str = ""
    bad: str = ""
    command: str = ""


def first_bad(session: Session, question: Question, say: Callable[[str], None]) -> Found:
    """Find the first bad production deployment. Raises Mistake when the ends are not good and bad."""

    async def ask(world: World) -> Found:
        known = await world.vercel.deployments(target="production", limit=NEWEST)
        line = between(known, question.good, question.bad)
        say(f"{len(line)} deployments, at most {most_questions(len(line))} questions")

        async def judge(deployment: Deployment) -> Judgement:
            asked = _run(question.command, deployment) if question.command else _ask(session, world, deployment)
            judged, why = await asked
            say(f"  {judged:<5} {deployment.id}  commit {deployment.commit[:12] or '?'}{'  ' + why if why else ''}")
            return judged

        return await search(line, judge)

    return session.in_world("bisect", ask)


async def _ask(session: Session, world: World, deployment: Deployment) -> tuple[Judgement, str]:
    """What the smoke gates say of the deployment at its own address, once it has woken up."""
    known = {
        **session.settings.policies,
        StagedDeployment: StagedDeployment(deployment.id, deployment.url, deployment.commit),
    }
    async with Round(world, known, probes_by_type(PROBES)) as look:
        findings, _ = await look.ask(staged_is_itself)
        if worst(findings).stops:
            return "skip", str(findings[0])
        answers = await asyncio.gather(*(look.ask(gate) for gate in JUDGES))
    found = [finding for findings, _ in answers for finding in findings if finding.verdict.stops]
    if not found:
        return "good", ""
    gravest = max(found, key=lambda finding: finding.verdict)
    seen = [finding for finding in found if finding.verdict is not Verdict.UNKNOWN]
    return ("bad", str(seen[0])) if seen else ("skip", str(gravest))


async def _run(command: str, deployment: Deployment) -> tuple[Judgement, str]:
    """The team's own test, with ``URL``, ``DEPLOYMENT`` and ``COMMIT`` in its environment, and none of our secrets."""
    about = {"URL": deployment.url, "DEPLOYMENT": deployment.id, "COMMIT": deployment.commit}
    code = await run_in_shell(command, for_child(*OUTSIDE, **about))
    if code in (126, 127):
        raise Mistake(f"--run {command}: cannot be run (exit {code})")
    return ("good" if code == 0 else "skip" if code == SKIP else "bad"), f"exit {code}"

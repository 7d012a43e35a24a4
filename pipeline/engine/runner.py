"""Runs a pipeline: acts, asks, waits, and goes back when the answer stays no. The only place that does the last two."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from checks.evidence import Evidence
from checks.gate import Finding, Gate, Verdict, worst
from checks.outcome import Outcome
from checks.policy import Waiver
from pipeline import log
from pipeline.engine.past import Past, freeze
from pipeline.engine.plan import Pipeline, Probe, Stage, Step, Undo, inputs_of
from pipeline.engine.readings import Round
from pipeline.engine.waivers import noted, waive
from pipeline.errors import ServiceError
from pipeline.record.journal import Journal
from pipeline.world.world import World

PROOF_PATIENCE = 60.0  # Vercel moves a domain back within seconds; a minute is not "soon" any more
REFUSED_PATIENCE = 5.0
PROOF_EVERY = 0.25
AGAIN_AFTER, AGAIN_AT_MOST = 1.0, 10.0  # seconds between two tries of an undo, when the service does not say


@dataclass(frozen=True)
class Stop:
    """Why a run stopped going forward. ``bug`` is ours, and is raised once everything is put back.

    ``holds``: no reason to go back (the old deployment fails alike, too little was seen, or nobody could look); a
    person decides. ``cut``: the run was interrupted, so nothing is known about the release.
    """

    reason: str
    bug: Exception | None = None
    holds: bool = False
    cut: bool = False


class Runner:
    """Carries out one run. ``known``: the policies by type; ``past``: what an earlier process of this run did."""

    def __init__(
        self,
        pipeline: Pipeline,
        world: World,
        known: Mapping[type, Any],
        probes: Mapping[type, Probe],
        journal: Journal,
        *,
        waivers: Iterable[Waiver] = (),
        past: Past | None = None,
        keep: Callable[[Any], None] = lambda seen: None,
    ) -> None:
        self.pipeline, self.world, self.probes, self.journal = pipeline, world, probes, journal
        self.waivers = tuple(waivers)
        self.past = past or Past()
        self.known: dict[type, Any] = {**known, **self.past.given}
        self._forward: asyncio.Task[Stop | None] | None = None
        self._keep = keep
        self._said: dict[str, tuple[Finding, ...]] = {}
        self._fresh: dict[type, tuple[int, Any]] = {}
        self._interrupted = ""

    async def run(self, *, only: str = "") -> Outcome | None:
        """Go through the stages that are not settled; None after a single stage (``only``) that is not the last.

        Whatever stops it, a bug of ours included, everything begun is undone before this returns or raises.
        """
        moved = self.past.moved_production
        settled = {s.name for s in self.pipeline.stages if s.name in self.past.settled and (moved or not s.again)}
        stages = [s for s in self.pipeline.stages if s.name not in settled and only in ("", s.name)]
        if not moved:
            self.past.done -= {step.name for step in self.pipeline.steps if step.again}
        self._forward = asyncio.ensure_future(self._go_forward(stages))
        try:
            stop = await asyncio.shield(self._forward)
        except asyncio.CancelledError:
            self._forward.cancel()
            await asyncio.gather(self._forward, return_exceptions=True)
            stop = Stop(self._interrupted or "interrupted", cut=True)
        except ServiceError as error:  # the journal itself: without a record there is no going forward
            stop = Stop(str(error))
        except Exception as bug:  # a bug of ours must not leave half a release behind
            stop = Stop(f"a bug in this tool: {type(bug).__name__}: {bug}", bug, cut=True)
        if stop and stop.holds and self.past.moved_production:
            return self._hold(stop)
        if stop:
            return await self.go_back(stop)
        if only and only != self.pipeline.stages[-1].name:
            return None
        self._record("run ended", outcome=Outcome.DEPLOYED.word)
        return Outcome.DEPLOYED

    def interrupt(self, reason: str) -> None:
        """Stop going forward and go back. Safe to call from a signal handler, any number of times."""
        self._interrupted = self._interrupted or reason
        if self._forward and not self._forward.done():
            self._forward.cancel()

    def _hold(self, stop: Stop) -> Outcome:
        """End the run as *held*: production stays where it is, because going back would not help."""
        self._record("holding", reason=stop.reason)
        self._record("run ended", outcome=Outcome.HELD.word, reason=stop.reason)
        return Outcome.HELD

    async def _go_forward(self, stages: list[Stage]) -> Stop | None:
        for stage in stages:
            log.info("stage begins", stage=stage.name)
            self._said.clear()
            self._fresh.clear()
            self.journal.append("stage begins", stage.name, patience=stage.patience, during=stage.during)
            stop = await self._settle(stage)
            if stop and not stage.may_fail:
                return stop
            self.journal.append("stage settled", stage.name, warning=stop.reason if stop else "")
        return None

    async def _settle(self, stage: Stage) -> Stop | None:
        wrong = []
        for step in stage.does:
            if step.name in self.past.done:
                continue
            try:
                await self._do(step)
            except ServiceError as error:
                wrong.append(str(error))
                if not stage.may_fail:
                    return Stop(wrong[0])
        verdict = await self._wait(stage)
        if verdict.stops:
            why = self._stopping(stage)
            wrong.append(f"{stage.name}: {max(why, key=lambda finding: finding.verdict)}")
            holds = len(wrong) == 1 and all(self._holds(stage, finding) for finding in why)
            return Stop("; ".join(wrong), holds=holds)
        return Stop("; ".join(wrong)) if wrong else None

    def _holds(self, stage: Stage, finding: Finding) -> bool:
        """Whether ``finding`` is no reason to go back: blindness is none, unless the release was being promoted."""
        return finding.holds and not (finding.verdict is Verdict.UNKNOWN and stage.moves_production)

    async def _do(self, step: Step) -> None:
        """Carry out a step: read its inputs, record them, act, record what it gave."""
        try:
            async with Round(self.world, self.known, self.probes) as look:
                inputs = await look.all(step.inputs)
            self.past.begun.append((step, inputs))
            self.journal.append("step begins", step.name, exact={"inputs": [freeze(value) for value in inputs]})
            gives = await step.act(self.world, *inputs)
        except ServiceError as error:
            self.journal.append("step failed", step.name, error=str(error))
            raise
        if gives is not None:
            self.known[type(gives)] = self.past.given[type(gives)] = gives
        self.past.done.add(step.name)
        self.journal.append("step done", step.name, exact={"gives": freeze(gives) if gives is not None else None})

    async def _wait(self, stage: Stage) -> Verdict:
        """Ask the stage's gates until they say yes (and go on saying so) or patience, or the budget, ends."""
        clock, began = self.world.clock, self.world.clock.monotonic()
        since: dict[bool, float] = {}  # since when it is bad, and since when it is only thin
        rounds, good, bad, again = 0, 0, 0, True
        while True:
            verdict, lasting = await self._ask(stage, rounds, everything=again)
            passed = clock.monotonic() - began
            self._show(stage, stage.during - passed)
            if not verdict.stops:
                since, good, again = {}, good + 1, False
                if passed >= stage.during and good >= stage.in_a_row:
                    return verdict
                pause = min(stage.every, stage.during - passed) if passed < stage.during else stage.every
            else:
                thin = all(finding.thin for finding in self._stopping(stage))
                good, bad, again = 0, bad + (not thin), not thin
                since = {thin: since.get(thin, passed)}
                left = stage.patience - (passed - since[thin])
                left = max(left, stage.during - passed) if thin else left
                spent = stage.budget is not None and bad > stage.budget
                hopeless = lasting and not self.past.moved_production
                if verdict is Verdict.BLOCK or left <= 0 or spent or hopeless:
                    return verdict
                pause = min(stage.every, left)
            rounds += 1
            await clock.sleep(pause)

    async def _ask(self, stage: Stage, rounds: int, *, everything: bool) -> tuple[Verdict, bool]:
        """One round over all gates of the stage at the same time; records every answer that is new.

        ``everything`` is read anew after a bad round; else what its rhythm still lets count is taken as it was.
        """
        clock = self.world.clock
        began = clock.monotonic()

        async def one(gate: Gate) -> tuple[Verdict, bool]:
            findings, lasting = await look.ask(gate)
            findings = waive(self.waivers, gate.name, findings, clock.now().date())
            if gate in stage.advises:
                findings = tuple(map(noted, findings))
            if self._said.get(gate.name) != findings:
                self._said[gate.name] = findings
                ms = round((clock.monotonic() - began) * 1000)
                self.journal.append(
                    "gate answered",
                    gate.name,
                    verdict=worst(findings).word,
                    findings=[f.plain for f in findings],
                    ms=ms,
                )
            return worst(findings), lasting and gate not in stage.advises

        def seen(value: Any) -> None:
            self._fresh[type(value)] = (rounds, value)
            self._keep(value)

        kept = {
            kind: value
            for kind, (read, value) in self._fresh.items()
            if not everything and rounds - read < stage.rhythm.get(kind, 1)
        }
        async with Round(self.world, {**kept, **self.known}, self.probes, seen) as look:
            answers = await asyncio.gather(*(one(gate) for gate in stage.gates))
        verdict = max((answer for answer, _ in answers), default=Verdict.PASS)
        return verdict, any(lasting for answer, lasting in answers if answer.stops)

    def _show(self, stage: Stage, left: float) -> None:
        """Tell whoever watches, in one line, what the stage sees."""
        briefs = [value.brief() for _, value in self._fresh.values() if isinstance(value, Evidence)]
        if stage.during and left > 0:
            self.world.progress(
                " · ".join(filter(None, (f"watching for another {int(left) // 60}:{int(left) % 60:02}", *briefs)))
            )

    def _stopping(self, stage: Stage) -> list[Finding]:
        """The findings that stop the stage, of its last round."""
        findings = (finding for gate in stage.asks for finding in self._said.get(gate.name, ()))
        return [finding for finding in findings if finding.verdict.stops]

    async def go_back(self, stop: Stop) -> Outcome:
        """Undo everything begun, newest first. One failed undo does not stop the others; any failure is STRANDED."""
        self._record("going back", reason=stop.reason)
        moved, failed = self.past.moved_production, False
        for step, inputs in reversed(self.past.begun):
            if step.undo:
                undone, nothing = await self._undo(step, step.undo, inputs)
                failed |= not undone
                moved &= not (step.moves_production and nothing)
        outcome = Outcome.STRANDED if failed else Outcome.ROLLED_BACK if moved else Outcome.BLOCKED
        if moved and not stop.cut:
            self._record("release bad", reason=stop.reason)
        self._record("run ended", outcome=outcome.word, reason=stop.reason)
        if stop.bug:
            raise stop.bug
        return outcome

    async def _undo(self, step: Step, undo: Undo, inputs: tuple[Any, ...]) -> tuple[bool, bool]:
        """Whether it is undone, and whether there was nothing to undo."""
        by_type, nothing = dict(zip(step.inputs, inputs, strict=True)), False
        self._record("undo begins", step.name, undo=undo.name)
        try:
            error, nothing = await self._act_back(undo, by_type)
        except Exception as failure:  # whatever it is, the other undos still have to run
            error = f"{type(failure).__name__}: {failure}"
        if error:
            self._record("undo failed", step.name, error=error, by_hand=step.procedure.if_it_fails)
        else:
            self._record("undo done", step.name, **({"nothing": True} if nothing else {}))
        return not error, nothing and not error

    async def _act_back(self, undo: Undo, by_type: Mapping[type, Any]) -> tuple[str, bool]:
        """Carry out an undo and look: what is wrong then, if anything, and whether there was nothing to undo.

        It may have happened although it was refused, so it is looked at then, too; what may pass is asked for again.
        """
        clock = self.world.clock
        until, pause = clock.monotonic() + PROOF_PATIENCE, AGAIN_AFTER
        while True:
            refused: ServiceError | None = None
            done: bool | None = None
            try:
                done = await undo.act(self.world, *(by_type[kind] for kind in inputs_of(undo.act)))
            except ServiceError as error:
                refused = error
            left = until - clock.monotonic()
            again = refused is not None and left > 0 and not getattr(refused, "lasting", False)
            wait = max(pause, getattr(refused, "retry_after", 0.0)) if again else REFUSED_PATIENCE
            unproved = str(refused or "")
            if undo.proved_by:
                unproved = await self._prove(undo.proved_by, by_type, wait if refused else PROOF_PATIENCE)
            elif again:
                await clock.sleep(wait)
            if not unproved:
                return "", done is False
            if not again:
                return "; ".join(dict.fromkeys(filter(None, (str(refused or ""), unproved)))), False
            pause = min(2 * pause, AGAIN_AT_MOST)

    async def _prove(self, gates: tuple[Gate, ...], by_type: Mapping[type, Any], patience: float) -> str:
        """Wait until all ``gates`` say yes; what the first that does not says instead when patience ends."""
        clock = self.world.clock
        until = clock.monotonic() + patience
        while True:
            async with Round(self.world, {**self.known, **by_type}, self.probes) as look:
                answers = await asyncio.gather(*(look.ask(gate) for gate in gates))
            said = next((findings for findings, _ in answers if worst(findings).stops), None)
            if said is None:
                return ""
            if clock.monotonic() >= until:
                return "; ".join(map(str, said))
            await clock.sleep(PROOF_EVERY)

    def _record(self, kind: str, subject: str = "", **body: Any) -> None:
        """Journal on the way back: a journal that cannot be written must not stop a rollback."""
        log.info(kind, subject=subject)
        try:
            self.journal.append(kind, subject, **body)
        except Exception as error:
            with contextlib.suppress(OSError):
                self.world.progress(f"journal: {error}")

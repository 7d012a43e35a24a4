"""Runs a pipeline: acts, has its gates asked, and goes back when the answer stays no. The only place that does that."""

import asyncio
import contextlib
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from checks.gate import Gate, worst
from checks.outcome import Outcome
from checks.policy import Waiver
from pipeline import log
from pipeline.engine.leaving import Leaving
from pipeline.engine.past import Past, freeze
from pipeline.engine.plan import Pipeline, Probe, Stage, Step, Undo, inputs_of
from pipeline.engine.readings import Round
from pipeline.engine.stop import Stop, within
from pipeline.engine.watch import StageWatch
from pipeline.errors import Lost, Overdue, ServiceError, Theirs
from pipeline.record.journal import Journal
from pipeline.world.world import World

PROOF_PATIENCE = 60.0  # Vercel moves a domain back within seconds; a minute is not "soon" any more
REFUSED_PATIENCE = 5.0
PROOF_EVERY = 0.25
SURE = 1.0  # seconds for which a run that was ours a moment ago is taken to be ours
AGAIN_AFTER, AGAIN_AT_MOST = 1.0, 10.0  # seconds between two tries of an undo, when the service does not say


class Runner:
    """Carries out one run. ``known``: the policies by type; ``past``: what an earlier process of this run did.

    ``ours``: whether the run may still touch anything; asked before every act, and before going back.
    ``explain``: says in a line what a bug of ours is, and keeps the rest of it.
    """

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
        ours: Callable[[], bool] = lambda: True,
        explain: Callable[[Exception], str] = lambda bug: f"a bug in this tool: {type(bug).__name__}: {bug}",
    ) -> None:
        self.pipeline, self.world, self.probes, self.journal = pipeline, world, dict(probes), journal
        self.past = past or Past()
        self.known: dict[type, Any] = {**known, **self.past.given}
        self._forward: asyncio.Task[Stop | None] | None = None
        self.watch = StageWatch(world, self.known, self.probes, journal, self.past, waivers, keep, self._still_ours)
        self._sure_at = world.clock.monotonic()
        self._interrupted = self._over = ""
        self._unmoved = Outcome.BLOCKED
        self._ours, self._explain, self._leaving = ours, explain, Leaving(self.past, journal.run)
        journal.goes_on = self.past.moved_production

    async def run(self, *, only: Collection[str] | None = None) -> Outcome | None:
        """Go through the stages that are not settled, or those that ``only`` names; None when the last is not of them.

        Whatever stops it, a bug of ours included, everything begun is undone before this returns or raises; but not
        by a run that is somebody else's now, or is left to somebody else, which raises Lost or HandedOver.
        """
        self._leaving.must_stay()
        self._forward = asyncio.ensure_future(self._go_on(only))
        try:
            stop = await asyncio.shield(self._forward)
        except asyncio.CancelledError:
            self._forward.cancel()
            await asyncio.gather(self._forward, return_exceptions=True)
            self._must_be_ours()
            stop = Stop(self._interrupted or self._leaving.interrupted(), cut=True)
            if self._over:  # the release is out and well: what is cut off here is only worth a warning
                self._record("stage settled", self._over, warning=stop.reason)
                stop = None
        except Lost:
            raise
        except ServiceError as error:  # the journal itself: without a record there is no going forward
            stop = Stop(str(error))
        except Exception as bug:  # a bug of ours must not leave half a release behind
            stop = Stop(self._explain(bug), cut=True)
        self._must_be_ours()
        if not stop and not self.journal.catch_up():
            stop = Stop(self._unwritten, holds=True, because="unwritten")
        if stop and stop.holds and self.past.moved_production:
            return self._hold(stop)
        if stop:
            return await self.go_back(stop)
        if only is not None and self.pipeline.stages[-1].name not in only:
            return None
        self._record("run ended", outcome=Outcome.DEPLOYED.word)
        unwritten = not self.journal.catch_up()
        return self._hold(Stop(self._unwritten, because="unwritten")) if unwritten else Outcome.DEPLOYED

    @property
    def _unwritten(self) -> str:
        kept = (
            f"; its events are kept in {place}, and the next command takes them in"
            if (place := self.journal.place)
            else ""
        )
        return f"the record could not be written: {self.journal.unwritten}{kept}"

    def _still_ours(self) -> None:
        """As ``_must_be_ours``, but asked only when time has passed: a process that was stopped does not know of it."""
        if self.world.clock.monotonic() - self._sure_at > SURE:
            self._must_be_ours()

    def _must_be_ours(self) -> None:
        asked_at = self.world.clock.monotonic()
        if not self._ours():  # and it stays so: whoever asks next within this round is not sure either
            raise Lost(f"run {self.journal.run} is somebody else's now", moved=self.past.moved_production)
        self._sure_at = asked_at

    def interrupt(self, reason: str) -> None:
        """Stop going forward and go back. Safe to call from a signal handler, any number of times."""
        self._interrupted = self._interrupted or reason
        if self._forward and not self._forward.done():
            self._forward.cancel()

    def leave(self, moved: bool) -> None:
        """Leave the run to another worker at its next safe point; one that has ``moved`` production only if told so."""
        if self._leaving.now(moved) and self._forward:
            self._forward.cancel()

    def _hold(self, stop: Stop) -> Outcome:
        """End the run as *held*: production stays where it is, because going back would not help."""
        self._record("holding", reason=stop.reason, because=stop.because)
        self._record("run ended", outcome=Outcome.HELD.word, reason=stop.reason)
        return Outcome.HELD

    async def _left(self, only: Collection[str] | None) -> list[Stage]:
        """The stages that are to be gone through; a move that an earlier process only hoped for is looked at first."""
        for step in await self.past.forget_what_never_was(self.world):
            self.journal.append("step failed", step.name, error="an earlier process began it, and it did not happen")
        self.journal.goes_on = moved = self.past.moved_production
        if not moved:
            self.past.done -= {step.name for step in self.pipeline.steps if step.again}
        settled = {s.name for s in self.pipeline.stages if s.name in self.past.settled and (moved or not s.again)}
        return [s for s in self.pipeline.stages if s.name not in settled and (only is None or s.name in only)]

    async def _go_on(self, only: Collection[str] | None) -> Stop | None:
        return await self._go_forward(await self._left(only))

    async def _go_forward(self, stages: list[Stage]) -> Stop | None:
        for place, stage in enumerate(stages):
            log.info("stage begins", stage=stage.name)
            self._over = stage.name if all(left.may_fail for left in stages[place:]) else ""
            self.journal.append("stage begins", stage.name, patience=stage.patience, during=stage.during)
            stop = await self._settle(stage)
            if stop and not stage.may_fail:
                return stop
            self.journal.append("stage settled", stage.name, warning=stop.reason if stop else "")
        return None

    async def _settle(self, stage: Stage) -> Stop | None:
        wrong, until = [], asyncio.get_running_loop().time() + stage.acts
        for step in stage.does:
            if step.name in self.past.done:
                continue
            try:
                await self._do(step, stage, until)
            except ServiceError as error:
                wrong.append(str(error))
                if not stage.may_fail:
                    return Stop(wrong[0], cut=isinstance(error, Overdue))
            except Exception as bug:
                if not stage.may_fail or isinstance(bug, Lost):
                    raise
                wrong.append(self._borne(step.name, bug))
        try:
            verdict = await self.watch.settle(stage)
        except Exception as bug:
            if not stage.may_fail or isinstance(bug, Lost):
                raise
            return Stop("; ".join([*wrong, self._borne(stage.name, bug)]))
        if verdict.stops:
            why = self.watch.stopping(stage)
            wrong.append(f"{stage.name}: {self.watch.cause(stage)}")
            holds = len(wrong) == 1 and all(self.watch.holds(stage, finding) for finding in why)
            return Stop("; ".join(wrong), holds=holds, because=self.watch.why_held(stage))
        return Stop("; ".join(wrong)) if wrong else None

    def _borne(self, node: str, bug: Exception) -> str:
        """Keep the traceback of a bug in a stage that may fail; what to warn of."""
        says = f"{node}: {type(bug).__name__}: {bug}"
        self._record("step failed", node, error=says, traceback="".join(traceback.format_exception(bug)))
        return says

    async def _do(self, step: Step, stage: Stage, until: float) -> None:
        """Carry out a step: read its inputs, record them, act, for as long as there is time, record what it gave."""
        try:
            async with Round(self.world, self.known, self.probes) as look:
                inputs = await look.all(step.inputs)
            self._must_be_ours()
            self.past.begin(step, inputs)
            self.journal.append("step begins", step.name, exact={"inputs": [freeze(value) for value in inputs]})
            self.journal.goes_on = self.past.moved_production
            with self._leaving.acting():
                gives = await within(stage, until, step.act(self.world, *inputs))
        except ServiceError as error:
            self.journal.append("step failed", step.name, error=str(error))
            raise
        if gives is not None:
            self.known[type(gives)] = self.past.given[type(gives)] = gives
        self.past.done.add(step.name)
        self.journal.append("step done", step.name, exact={"gives": freeze(gives) if gives is not None else None})
        self._leaving.must_stay()

    async def go_back(self, stop: Stop) -> Outcome:
        """Undo everything begun, newest first. One failed undo does not stop the others; any failure is STRANDED."""
        self._must_be_ours()
        self.journal.goes_on = True
        self._record("going back", reason=stop.reason, undoes=sum(bool(step.undo) for step, _ in self.past.begun))
        moved, failed = self.past.moved_production, False
        for step, inputs in reversed(self.past.begun):
            if step.undo:
                undone, nothing = await self._undo(step, step.undo, inputs)
                failed |= not undone
                moved &= not (step.moves_production and nothing)
        outcome = Outcome.STRANDED if failed else Outcome.ROLLED_BACK if moved else self._unmoved
        if moved and not stop.cut:
            self._record("release bad", reason=stop.reason)
        self._record("run ended", outcome=outcome.word, reason=stop.reason)
        self.journal.catch_up()
        return outcome

    async def _undo(self, step: Step, undo: Undo, inputs: tuple[Any, ...]) -> tuple[bool, bool]:
        """Whether it is undone, and whether there was nothing to undo."""
        by_type, nothing = dict(zip(step.inputs, inputs, strict=True)), False
        self._record("undo begins", step.name, undo=undo.name)
        try:
            error, nothing = await self._act_back(undo, by_type)
        except Theirs as theirs:  # nothing of ours is live that could be taken back
            self._unmoved, error, nothing = Outcome.SUPERSEDED, "", True
            self._record("superseded", step.name, says=str(theirs))
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
            except Theirs:
                raise
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

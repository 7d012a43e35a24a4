"""A stage's gates, asked until they say yes (and go on saying so) or patience, or the budget, ends."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from checks.cause import first_cause
from checks.evidence import Evidence
from checks.gate import Finding, Gate, Verdict, worst
from checks.policy import Waiver
from pipeline.engine.past import Past
from pipeline.engine.plan import Probe, Stage
from pipeline.engine.readings import Round
from pipeline.engine.waiting import Waiting
from pipeline.engine.waivers import noted, waive
from pipeline.record.journal import Journal
from pipeline.world.world import World

PEOPLE_EVERY, PEOPLE_AT_LEAST = 3, 5.0  # rounds, seconds: people take longer than machines
WHOLE = 5  # of so many rounds of a wait one asks every gate


class StageWatch:
    """Asks the gates of one stage after the other. ``known`` grows while the run's steps give evidence.

    ``keep`` is told each reading. ``ours`` raises Lost when the run is somebody else's: who was asleep writes nothing.
    """

    def __init__(
        self,
        world: World,
        known: Mapping[type, Any],
        probes: Mapping[type, Probe],
        journal: Journal,
        past: Past,
        waivers: Iterable[Waiver],
        keep: Callable[[Any], None],
        ours: Callable[[], None] = lambda: None,
    ) -> None:
        self.waivers = tuple(waivers)
        self._world, self._known, self._probes, self._journal, self._past = world, known, probes, journal, past
        self._keep, self._ours = keep, ours
        self._said: dict[str, tuple[Finding, ...]] = {}
        self._fresh: dict[type, tuple[int, Any]] = {}

    async def settle(self, stage: Stage) -> Verdict:
        """Ask the stage's gates until they say yes (and go on saying so) or patience, or the budget, ends."""
        self._said.clear()
        self._fresh.clear()
        with Waiting(self._world, self._journal) as people:
            return await self._settle(stage, people)

    async def _settle(self, stage: Stage, people: "Waiting") -> Verdict:
        clock, began = self._world.clock, self._world.clock.monotonic()
        since: dict[bool, float] = {}  # since when it is bad, and since when it is only thin
        rounds, good, bad, again = 0, 0, 0, True
        while True:
            waits = again and rounds % WHOLE and not stage.during and not self._past.moved_production
            verdict, lasting = await (
                self._ask_those_that_wait(stage, rounds) if waits else self._ask(stage, rounds, everything=again)
            )
            passed = clock.monotonic() - began
            self._show(stage, stage.during - passed)
            if people.waits(self.stopping(stage), verdict):
                rounds += 1
                await clock.sleep(max(PEOPLE_EVERY * stage.every, PEOPLE_AT_LEAST))
                continue
            if people.over:
                return verdict
            if not verdict.stops:
                since, good, again = {}, good + 1, False
                if passed >= stage.during and good >= stage.in_a_row:
                    return verdict
                pause = min(stage.every, stage.during - passed) if passed < stage.during else stage.every
            else:
                thin = all(finding.thin for finding in self.stopping(stage))
                good, bad, again = 0, bad + (not thin), not thin
                since = {thin: since.get(thin, passed)}
                left = stage.patience - (passed - since[thin])
                left = max(left, stage.during - passed) if thin else left
                spent = stage.budget is not None and bad > stage.budget
                hopeless = lasting and not self._past.moved_production
                if verdict is Verdict.BLOCK or left <= 0 or spent or hopeless:
                    return verdict
                pause = min(stage.every, left)
            rounds += 1
            await clock.sleep(pause)

    async def _ask_those_that_wait(self, stage: Stage, rounds: int) -> tuple[Verdict, bool]:
        """A round over the gates that stop the stage; when none does any more, over all: no old yes lets it pass.

        A build takes minutes, and all that the other gates read would be asked of the vendors every time.
        """
        stopping = tuple(gate for gate in stage.asks if worst(self._said[gate.name]).stops)
        verdict, lasting = await self._ask(stage, rounds, everything=True, gates=stopping)
        return (verdict, lasting) if verdict.stops else await self._ask(stage, rounds, everything=True)

    async def _ask(
        self, stage: Stage, rounds: int, *, everything: bool, gates: tuple[Gate, ...] | None = None
    ) -> tuple[Verdict, bool]:
        """One round over the gates of the stage at the same time, or some of them; records every answer that is new.

        ``everything`` is read anew after a bad round; else what its rhythm still lets count is taken as it was.
        """
        clock = self._world.clock
        began = clock.monotonic()
        self._ours()

        async def one(gate: Gate) -> tuple[Verdict, bool]:
            findings, lasting = await look.ask(gate)
            findings = waive(self.waivers, gate.name, findings, clock.now().date())
            if gate in stage.advises:
                findings = tuple(map(noted, findings))
            self._ours()
            if self._said.get(gate.name) != findings:
                self._said[gate.name] = findings
                ms = round((clock.monotonic() - began) * 1000)
                self._journal.append(
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
        async with Round(self._world, {**kept, **self._known}, self._probes, seen) as look:
            answers = await asyncio.gather(*(one(gate) for gate in (stage.gates if gates is None else gates)))
        verdict = max((answer for answer, _ in answers), default=Verdict.PASS)
        return verdict, any(lasting for answer, lasting in answers if answer.stops)

    def _show(self, stage: Stage, left: float) -> None:
        """Tell whoever watches, in one line, what the stage sees."""
        briefs = [value.brief() for _, value in self._fresh.values() if isinstance(value, Evidence)]
        if stage.during and left > 0:
            self._world.progress(
                " · ".join(filter(None, (f"watching for another {int(left) // 60}:{int(left) % 60:02}", *briefs)))
            )

    def stopping(self, stage: Stage) -> list[Finding]:
        """The findings that stop the stage, of its last round."""
        findings = (finding for gate in stage.asks for finding in self._said.get(gate.name, ()))
        return [finding for finding in findings if finding.verdict.stops]

    def cause(self, stage: Stage) -> Finding:
        """The finding that stops the stage and that a person would name first."""
        said = [(gate.name, finding) for gate in stage.asks for finding in self._said.get(gate.name, ())]
        return first_cause([pair for pair in said if pair[1].verdict.stops], lambda finding: self.holds(stage, finding))

    def why_held(self, stage: Stage) -> str:
        """Why the findings that stop the stage are no reason to go back: names of HELD, with blanks between them."""
        stopping = self.stopping(stage)
        so = {
            "unseen": any(finding.verdict is Verdict.UNKNOWN for finding in stopping),
            "shared": any(finding.shared for finding in stopping),
            "thin": any(finding.thin for finding in stopping),
        }
        return " ".join(name for name, is_so in so.items() if is_so)

    def holds(self, stage: Stage, finding: Finding) -> bool:
        """Whether ``finding`` is no reason to go back: blindness is none, but where nothing proves a promotion."""
        if finding.verdict is Verdict.UNKNOWN and stage.moves_production:
            return any(self._passed(gate) for gate in stage.proofs)
        return finding.holds

    def _passed(self, gate: Gate) -> bool:
        """Whether ``gate`` was asked, and has said nothing that stops."""
        return not worst(self._said[gate.name]).stops if gate.name in self._said else False

"""One gate after the other: at rest it passes, broken it stops, mended by its own words it passes again."""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from checks.gate import Finding, Gate, Verdict, worst
from checks.healthy import healthy
from checks.policy import PromotionPolicy
from pipeline.config import Config
from pipeline.definitions.deploy import DEPLOY, PREVIEW, rolling_out
from pipeline.engine.plan import Pipeline, Stage
from pipeline.errors import PipelineError
from pipeline.record.journal import Event, Listener
from pipeline.sandbox.postgres import Postgres
from pipeline.selftest.breakage import Breakage, BreakageMoment
from pipeline.selftest.hands import Act, taken_back
from pipeline.selftest.lab import Lab, Ran, lab

FAST = 8.0
"""On the way back a minute of proof is waited for; nobody needs that many looks."""
CHECKLIST = "monitor."
BY_ITSELF = (Verdict.NOT_YET.word, Verdict.BLOCK.word)
"""A gate that was seen to stop said one of these; *unknown* is a probe's word and proves nothing about a gate."""


@dataclass(frozen=True)
class Trial:
    """What was seen of one gate. ``examples``: in how many of its own examples it stops, of how many.

    ``rested``: it passed before. ``said`` is its gravest finding while broken, ``verdict`` how it said it. ``ended``:
    how the run ended that it stopped; empty when it was asked alone. ``problem``: why not all of it was seen.
    ``did_not_run``: what this machine lacks to try it.
    """

    gate: str
    kind: str
    broken_by: str
    asked_in: str
    follows: str
    examples: tuple[int, int]
    rested: bool = False
    stopped: bool = False
    cured: bool = False
    verdict: str = ""
    said: str = ""
    fix: str = ""
    ended: str = ""
    problem: str = ""
    seconds: float = 0.0
    did_not_run: str = ""

    @property
    def whole(self) -> bool:
        """All four facts: it passed, it was broken and it stopped, it was mended and it passed."""
        return self.rested and self.stopped and self.cured and self.examples[0] == self.examples[1]


Said = tuple[str, str, str]
"""A gate's answer: its verdict's word, its gravest finding, and what that says to type."""


class Bench:
    """Makes labs, and remembers which runs went well in one that is at rest."""

    def __init__(self, folder: Path, postgres: Postgres, config: Config) -> None:
        self._folder, self._postgres, self._config = folder, postgres, config
        self._labs = 0
        self._rests: dict[tuple[str, Act], Ran] = {}

    @contextlib.contextmanager
    def lab(self) -> Iterator[Lab]:
        """A new one at rest."""
        self._labs += 1
        home = self._folder / str(self._labs)
        name = f"lab{self._labs}"
        with lab(home, self._postgres.fresh_database(name), self._config) as made:
            yield made
        self._postgres.drop(name)

    def at_rest(self, one: Breakage) -> Ran:
        """A run in which nothing is broken; made once for all gates that are asked in the same way."""
        key = (one.run, one.rests)
        if key not in self._rests:
            with self.lab() as made:
                one.rests(made)
                self._rests[key] = made.run(pipeline_of(made, one.run))
        return self._rests[key]


@contextlib.contextmanager
def bench(config: Config) -> Iterator[Bench]:
    """A folder and a Postgres of their own; nothing of both is left."""
    with tempfile.TemporaryDirectory(prefix="selftest-") as folder:
        postgres = Postgres(Path(folder) / "postgres")
        postgres.start()
        try:
            yield Bench(Path(folder), postgres, config)
        finally:
            postgres.destroy()


def tried(one: Breakage, at: Bench, examples: tuple[int, int]) -> Trial:
    """Everything about one gate. What goes wrong with trying it is a ``problem``, and no end for the others."""
    began = time.monotonic()
    seen = Trial(one.gate.name, one.kind, one.how, one.run, one.follows, examples, problem=one.cannot)
    if lacking := one.lacks():
        return replace(seen, did_not_run=lacking)
    try:
        for step in () if one.cannot else _way(one)(one, at, seen):
            seen = step
    except (PipelineError, AssertionError, LookupError, OSError, ValueError) as error:
        seen = replace(seen, problem=seen.problem or f"{type(error).__name__}: {error}")
    return replace(seen, seconds=round(time.monotonic() - began, 1))


Facts = Iterator[Trial]
"""What was seen so far, after each step; so nothing is lost when a later step goes wrong."""


def _way(one: Breakage) -> Callable[[Breakage, Bench, Trial], Facts]:
    if one.run.startswith(CHECKLIST):
        return _in_a_checklist
    return _on_the_way_back if one.back else _in_a_run if one.run else _alone


def _alone(one: Breakage, at: Bench, seen: Trial) -> Facts:
    """Asked as ``./inv check`` asks it."""
    with at.lab() as made:
        yield from _three_times(one, made, seen, lambda: _said(made.ask(one.gate)))


def _in_a_checklist(one: Breakage, at: Bench, seen: Trial) -> Facts:
    """Asked as ``./inv monitor.…`` asks it, after the steps of its line."""

    def asked() -> Said | None:
        answers = made.checklist(one.run.removeprefix(CHECKLIST))
        return next((_said(answer.findings) for answer in answers if answer.gate is one.gate), None)

    with at.lab() as made:
        yield from _three_times(one, made, seen, asked)


def _three_times(one: Breakage, made: Lab, seen: Trial, asked: Callable[[], Said | None]) -> Facts:
    one.rests(made)
    yield (seen := _rested(seen, asked()))
    one.breaks(made)
    yield (seen := _broken(seen, asked()))
    one.cures(made)
    yield _cured(seen, asked())


def _in_a_run(one: Breakage, at: Bench, seen: Trial) -> Facts:
    """Asked by a run of the pipeline, up to the gate's stage."""
    yield (seen := _rested(seen, _answered(at.at_rest(one), one.gate)))
    with at.lab() as made:
        one.rests(made)
        ran = made.run(up_to(pipeline_of(made, one.run), one.gate), *_breaking(one, made))
        yield (seen := replace(_broken(seen, _answered(ran, one.gate)), ended=ran.report.outcome))
        if ran.report.outcome == "deployed":
            yield replace(seen, stopped=False, problem=seen.problem or "the run went on all the same")
            return
        one.cures(made)
        again = made.run(up_to(pipeline_of(made, one.run), one.gate))
        if again.report.outcome == "deployed":
            yield _cured(seen, _answered(again, one.gate))
        else:
            yield replace(seen, problem=seen.problem or f"the next run: {again.report.reason}")


def _on_the_way_back(one: Breakage, at: Bench, seen: Trial) -> Facts:
    """A bad release goes back and the gate says that it did; then another one cannot."""
    with at.lab() as made:
        made.clock.pace = FAST
        one.rests(made)
        taken_back(made)
        well = made.run(pipeline_of(made, one.run))
        yield (seen := _rested(seen, _said(made.ask(one.gate, well.given))))
        taken_back(made)
        ran = made.run(pipeline_of(made, one.run), *_breaking(one, made))
        seen = _broken(seen, _said(made.ask(one.gate, ran.given)))
        yield (seen := replace(seen, ended=ran.report.outcome))
        if not _found_by(ran, seen.said):
            why = f"the run's way back did not say so: {ran.report.reason}"
            yield replace(seen, stopped=False, problem=seen.problem or why)
            return
        one.cures(made)
        yield _cured(seen, _said(made.ask(one.gate, ran.given)))


def _breaking(one: Breakage, made: Lab) -> tuple[Listener, ...]:
    """Breaks it now, or gives the listener that breaks it once, at its moment."""
    if one.moment is None:
        one.breaks(made)
        return ()
    return (_Once(one.moment, lambda: one.breaks(made)),)


class _Once:
    def __init__(self, moment: BreakageMoment, act: Callable[[], object]) -> None:
        self._moment, self._act, self._done = moment, act, False

    def __call__(self, event: Event) -> None:
        if not self._done and (event.kind, event.subject) == (self._moment.kind, self._moment.subject):
            self._done = True
            self._act()


def _said(findings: tuple[Finding, ...]) -> Said:
    gravest = max(findings, key=lambda finding: finding.verdict, default=None)
    return (gravest.verdict.word, str(gravest), gravest.fix) if gravest else (Verdict.PASS.word, "", "")


def _answered(ran: Ran, gate: Gate) -> Said | None:
    """The last answer of ``gate`` in the run; None when it was not asked."""
    answers = ran.answers(gate)
    if not answers:
        return None
    verdict = answers[-1]["verdict"]
    gravest = next((one for one in answers[-1]["findings"] if one["verdict"] == verdict), None)
    return (verdict, f"{gravest['subject']} {gravest['says']}", gravest["fix"]) if gravest else (verdict, "", "")


def _found_by(ran: Ran, said: str) -> bool:
    """Whether the proof of an undo failed with these words."""
    failed = (event.body["error"] for event in ran.events if event.kind == "undo failed")
    return any(said in error for error in failed)


def _rested(seen: Trial, said: Said | None) -> Trial:
    if said is None or said[0] not in (Verdict.PASS.word, Verdict.WARN.word):
        return replace(seen, problem=f"at rest: {_words(said)}")
    return replace(seen, rested=True)


def _broken(seen: Trial, said: Said | None) -> Trial:
    if said is None or said[0] not in BY_ITSELF:
        return replace(seen, problem=seen.problem or f"broken: {_words(said)}")
    return replace(seen, stopped=True, verdict=said[0], said=said[1], fix=said[2])


def _cured(seen: Trial, said: Said | None) -> Trial:
    if said is None or said[0] not in (Verdict.PASS.word, Verdict.WARN.word):
        return replace(seen, problem=seen.problem or f"mended: {_words(said)}")
    return replace(seen, cured=True)


def _words(said: Said | None) -> str:
    return ": ".join(filter(None, said[:2])) if said else "it was not asked"


def pipeline_of(made: Lab, name: str) -> Pipeline:
    """The pipeline of that name, as the lab's policies make it."""
    if name == PREVIEW.name:
        made.settings = replace(made.settings, kind="preview")
        return PREVIEW
    return replace(rolling_out(DEPLOY, made.settings.policies[PromotionPolicy]), name=name)


def up_to(pipeline: Pipeline, gate: Gate) -> Pipeline:
    """``pipeline`` as far as the stage that asks ``gate``, which decides there even when it only advises elsewhere."""
    names = [stage.name for stage in pipeline.stages if gate in stage.gates]
    end = [stage.name for stage in pipeline.stages].index(names[0])
    return replace(pipeline, stages=tuple(_deciding(one, gate) for one in pipeline.stages[: end + 1]))


def _deciding(stage: Stage, gate: Gate) -> Stage:
    """A stage that may fail, or a gate that advises, stops nothing; here both are to be seen stopping."""
    if gate not in stage.gates:
        return stage
    advises = tuple(one for one in stage.advises if one is not gate)
    return replace(stage, asks=tuple(dict.fromkeys((*stage.asks, gate))), advises=advises, may_fail=False)


def results(
    config: Config,
    breakages: Sequence[Breakage],
    gates: Iterable[Gate],
    tell: Callable[[Trial, int, int], None],
    at: Bench | None = None,
) -> tuple[Trial, ...]:
    """Try all of ``gates``, in each of its ways; ``tell`` hears of each when it was tried, its number and of how many.

    A gate that has no breakage is seen not to have one. Without ``at`` they have a bench of their own.
    """
    ways = [(gate, one) for gate in gates for one in _ways_of(gate, breakages)]
    found = list[Trial]()
    with contextlib.nullcontext(at) if at else bench(config) as place:
        for number, (gate, one) in enumerate(ways, 1):
            counted = examples_of(gate)
            seen = (
                tried(one, place, counted) if one else Trial(gate.name, "", "", "", "", counted, problem="no breakage")
            )
            tell(seen, number, len(ways))
            found.append(seen)
    return tuple(found)


def _ways_of(gate: Gate, breakages: Sequence[Breakage]) -> tuple[Breakage | None, ...]:
    return tuple(one for one in breakages if one.gate is gate) or (None,)


def examples_of(gate: Gate) -> tuple[int, int]:
    """In how many of its examples ``gate`` stops, and how many it has."""
    values = healthy(gate.name)
    stops = [worst(gate.ask_example(one, values)).stops for one in gate.examples]
    return sum(stops), len(stops)

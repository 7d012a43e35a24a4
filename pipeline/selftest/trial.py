"""Tries one gate after the other: at rest it passes, broken it stops, mended by its own words it passes again."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from checks.gate import Finding, Gate, Verdict, worst
from checks.healthy import healthy
from pipeline.config import Config
from pipeline.engine.plan import Pipeline, Stage
from pipeline.errors import PipelineError
from pipeline.record.journal import Event, Listener
from pipeline.selftest.bench import Bench, bench, pipeline_of
from pipeline.selftest.breakage import Breakage, BreakageMoment
from pipeline.selftest.hands import taken_back
from pipeline.selftest.lab import Lab, Ran

FAST = 8.0
"""On the way back a minute of proof is waited for; nobody needs that many looks."""
CHECKLIST = "monitor."
BY_ITSELF = (Verdict.NOT_YET.word, Verdict.BLOCK.word)
"""A gate that was seen to stop said one of these; *unknown* is a probe's word and proves nothing about a gate."""


@dataclass(frozen=True)
class Trial:
    """What a trial of one gate saw. ``examples``: in how many of its own examples it stops, of how many.

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
        """Whether the gate passed at rest, was broken and stopped, was mended and passed again."""
        return self.rested and self.stopped and self.cured and self.examples[0] == self.examples[1]


Said = tuple[str, str, str]
"""A gate's answer: its verdict's word, its gravest finding, and what that says to type."""


def tried(breakage: Breakage, bench: Bench, examples: tuple[int, int]) -> Trial:
    """Try one gate in every respect. What goes wrong with trying it is a ``problem``, and no end for the others."""
    began = time.monotonic()
    seen = Trial(
        breakage.gate.name,
        breakage.kind,
        breakage.how,
        breakage.run,
        breakage.follows,
        examples,
        problem=breakage.cannot,
    )
    if lacking := breakage.lacks():
        return replace(seen, did_not_run=lacking)
    try:
        for step in () if breakage.cannot else _way(breakage)(breakage, bench, seen):
            seen = step
    except (PipelineError, AssertionError, LookupError, OSError, ValueError) as error:
        seen = replace(seen, problem=seen.problem or f"{type(error).__name__}: {error}")
    return replace(seen, seconds=round(time.monotonic() - began, 1))


Facts = Iterator[Trial]
"""What was seen so far, after each step; so nothing is lost when a later step goes wrong."""


def _way(breakage: Breakage) -> Callable[[Breakage, Bench, Trial], Facts]:
    if breakage.run.startswith(CHECKLIST):
        return _in_a_checklist
    return _on_the_way_back if breakage.back else _in_a_run if breakage.run else _alone


def _alone(breakage: Breakage, bench: Bench, seen: Trial) -> Facts:
    """Ask a gate by itself, as ``./inv check`` does."""
    with bench.lab() as made:
        yield from _three_times(breakage, made, seen, lambda: _said(made.ask(breakage.gate)))


def _in_a_checklist(breakage: Breakage, bench: Bench, seen: Trial) -> Facts:
    """Ask a gate as ``./inv monitor.…`` does, after the steps of its line."""

    def asked() -> Said | None:
        answers = made.checklist(breakage.run.removeprefix(CHECKLIST))
        return next((_said(answer.findings) for answer in answers if answer.gate is breakage.gate), None)

    with bench.lab() as made:
        yield from _three_times(breakage, made, seen, asked)


def _three_times(breakage: Breakage, made: Lab, seen: Trial, asked: Callable[[], Said | None]) -> Facts:
    breakage.rests(made)
    yield (seen := _rested(seen, asked()))
    breakage.breaks(made)
    yield (seen := _broken(seen, asked()))
    breakage.cures(made)
    yield _cured(seen, asked())


def _in_a_run(breakage: Breakage, bench: Bench, seen: Trial) -> Facts:
    """Ask a gate in a run of the pipeline, up to the gate's stage."""
    yield (seen := _rested(seen, _answered(bench.at_rest(breakage), breakage.gate)))
    with bench.lab() as made:
        breakage.rests(made)
        ran = made.run(up_to(pipeline_of(made, breakage.run), breakage.gate), *_breaking(breakage, made))
        yield (seen := replace(_broken(seen, _answered(ran, breakage.gate)), ended=ran.report.outcome))
        if ran.report.outcome == "deployed":
            yield replace(seen, stopped=False, problem=seen.problem or "the run went on all the same")
            return
        breakage.cures(made)
        again = made.run(up_to(pipeline_of(made, breakage.run), breakage.gate))
        if again.report.outcome == "deployed":
            yield _cured(seen, _answered(again, breakage.gate))
        else:
            yield replace(seen, problem=seen.problem or f"the next run: {again.report.reason}")


def _on_the_way_back(breakage: Breakage, bench: Bench, seen: Trial) -> Facts:
    """Ask a gate that proves a rollback: a bad release goes back and it says yes; then another one cannot."""
    with bench.lab() as made:
        made.clock.pace = FAST
        breakage.rests(made)
        taken_back(made)
        well = made.run(pipeline_of(made, breakage.run))
        yield (seen := _rested(seen, _said(made.ask(breakage.gate, well.given))))
        taken_back(made)
        ran = made.run(pipeline_of(made, breakage.run), *_breaking(breakage, made))
        seen = _broken(seen, _said(made.ask(breakage.gate, ran.given)))
        yield (seen := replace(seen, ended=ran.report.outcome))
        if not _found_by(ran, seen.said):
            why = f"the run's way back did not say so: {ran.report.reason}"
            yield replace(seen, stopped=False, problem=seen.problem or why)
            return
        breakage.cures(made)
        yield _cured(seen, _said(made.ask(breakage.gate, ran.given)))


def _breaking(breakage: Breakage, made: Lab) -> tuple[Listener, ...]:
    """Break the sandbox now, or give the listener that breaks it once, at its moment."""
    if breakage.moment is None:
        breakage.breaks(made)
        return ()
    return (_Once(breakage.moment, lambda: breakage.breaks(made)),)


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
    """Find the last answer of ``gate`` in the run; None when it was not asked."""
    answers = ran.answers(gate)
    if not answers:
        return None
    verdict = answers[-1]["verdict"]
    gravest = next((finding for finding in answers[-1]["findings"] if finding["verdict"] == verdict), None)
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


def up_to(pipeline: Pipeline, gate: Gate) -> Pipeline:
    """Cut ``pipeline`` after the stage that asks ``gate``, which decides there even when it only advises elsewhere."""
    names = [stage.name for stage in pipeline.stages if gate in stage.gates]
    end = [stage.name for stage in pipeline.stages].index(names[0])
    return replace(pipeline, stages=tuple(_deciding(one, gate) for one in pipeline.stages[: end + 1]))


def _deciding(stage: Stage, gate: Gate) -> Stage:
    """Make the gates of a stage decide: one that may fail, or a gate that advises, stops nothing."""
    if gate not in stage.gates:
        return stage
    advises = tuple(advise for advise in stage.advises if advise is not gate)
    return replace(stage, asks=tuple(dict.fromkeys((*stage.asks, gate))), advises=advises, may_fail=False)


def results(
    config: Config,
    breakages: Sequence[Breakage],
    gates: Iterable[Gate],
    tell: Callable[[Trial, int, int], None],
    given: Bench | None = None,
) -> tuple[Trial, ...]:
    """Try all of ``gates``, in each of its ways.

    ``tell`` hears of each when it was tried, its number and of how many.

    A gate that has no breakage is seen not to have one. Without ``given`` they have a bench of their own.
    """
    ways = [(gate, way) for gate in gates for way in _ways_of(gate, breakages)]
    found = list[Trial]()
    with contextlib.ExitStack() as stack:
        place = given or (stack.enter_context(bench(config)) if any(way for _, way in ways) else None)
        for number, (gate, way) in enumerate(ways, 1):
            seen = tried(way, place, examples_of(gate)) if way and place else _unbroken(gate)
            tell(seen, number, len(ways))
            found.append(seen)
    return tuple(found)


def _unbroken(gate: Gate) -> Trial:
    """What its own examples show of a gate without a breakage: one of the home's own, or a gap of ours."""
    counted = examples_of(gate)
    if not gate.stage:
        return Trial(gate.name, "", "", "", "", counted, problem="no breakage")
    example = gate.examples[0]
    verdict, said, fix = _said(gate.ask_example(example, healthy(gate.name)))
    seen = Trial(gate.name, "example", example.situation, "", "the example taken back", counted)
    seen = replace(seen, rested=True, stopped=True, cured=True)  # else the home could not be read
    return replace(seen, verdict=verdict, said=said, fix=fix)


def _ways_of(gate: Gate, breakages: Sequence[Breakage]) -> tuple[Breakage | None, ...]:
    return tuple(breakage for breakage in breakages if breakage.gate is gate) or (None,)


def examples_of(gate: Gate) -> tuple[int, int]:
    """Count in how many of its examples ``gate`` stops, and how many it has."""
    values = healthy(gate.name)
    stops = [worst(gate.ask_example(example, values)).stops for example in gate.examples]
    return sum(stops), len(stops)

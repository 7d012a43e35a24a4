"""A gate that was never seen to block is decoration: each is broken in the sandbox, and mended by its own words."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checks import calendar, environment, source
from checks.gate import Gate
from pipeline.commands.selftest import try_gates
from pipeline.config import Config, load
from pipeline.errors import Mistake
from pipeline.render.selftest import seen_markdown, seen_plain, seen_text
from pipeline.selftest.breakage import KINDS, Breakage, nothing
from pipeline.selftest.breakages import BREAKAGES, FAMILIES, PROOFS, TO_SEE
from pipeline.selftest.trial import Bench, Trial, bench, results
from tests.stage import ROOT
from tests.whole.test_process import Checkout, checkout

__all__ = ["checkout"]
MOST_UNSEEN = 3
NAMES = tuple(family.__name__.rpartition(".")[2] for family in FAMILIES)


@pytest.fixture(scope="module")
def config(cluster: Path) -> Config:
    return load(ROOT / "deploy.yml")


@pytest.fixture(scope="module")
def place(config: Config) -> Iterator[Bench]:
    """One bench for all families: what went well at rest for one gate did so for the next. Nobody sabotages in it."""
    with bench(config) as made:
        yield made


def tried(
    config: Config, *breakages: Breakage, gates: tuple[Gate, ...] = (), at: Bench | None = None
) -> tuple[Trial, ...]:
    asked = gates or tuple(one.gate for one in breakages)
    return results(config, breakages, asked, lambda seen, number, of: None, at)


def breakage_of(gate: Gate) -> Breakage:
    return next(one for one in BREAKAGES if one.gate is gate)


def passes_always(monkeypatch: pytest.MonkeyPatch, gate: Gate) -> None:
    """Sabotage: the gate has nothing to say any more."""
    assert gate.inputs, "they are read from the judge, once"

    def judge(*_: Any) -> Iterator[Any]:
        return iter(())

    monkeypatch.setattr(gate, "judge", judge)


def test_every_gate_has_a_breakage_and_no_breakage_is_an_orphan() -> None:
    assert {one.gate.name for one in BREAKAGES} == {gate.name for gate in TO_SEE}
    assert len({(one.gate.name, one.how) for one in BREAKAGES}) == len(BREAKAGES), "two ways are two sentences"
    assert set(PROOFS) <= set(TO_SEE), "those that prove an undo, too"


def test_a_breakage_stands_in_the_module_of_its_gates_family() -> None:
    for family, name in zip(FAMILIES, NAMES, strict=True):
        assert {one.gate.family for one in family.BREAKAGES} == {name}


@pytest.mark.parametrize("one", BREAKAGES, ids=lambda one: f"{one.gate.name}: {one.how}")
def test_a_cure_follows_words_that_the_gate_really_has(one: Breakage) -> None:
    assert one.follows in " ".join(one.gate.procedure.if_it_fails.split())
    assert one.kind in KINDS
    assert not one.how.endswith(".")
    assert one.cannot or one.cures is not nothing


def test_hardly_any_gate_cannot_be_stopped_in_the_sandbox() -> None:
    assert sum(bool(one.cannot) for one in BREAKAGES) <= MOST_UNSEEN


@pytest.mark.process
@pytest.mark.parametrize("family", NAMES)
def test_every_gate_passes_is_broken_stops_is_mended_and_passes(config: Config, place: Bench, family: str) -> None:
    found = tried(config, *(one for one in BREAKAGES if one.gate.family == family), at=place)
    assert found
    for one in found:
        if one.did_not_run:
            continue
        assert one.rested, f"{one.gate} at rest: {one.problem}"
        assert one.stopped, f"{one.gate} broken: {one.problem}"
        assert one.verdict in ("block", "not yet"), "the gate's own word, not a probe's"
        assert one.said, f"{one.gate} stops without saying why"
        assert one.cured, f"{one.gate} mended: {one.problem}"
        assert one.whole
    lacking = {one.did_not_run for one in found if one.did_not_run}
    if lacking:  # the others of the family were seen all the same
        pytest.skip(", ".join(lacking))


def test_a_gate_that_always_passes_is_found_out(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    passes_always(monkeypatch, calendar.no_freeze)
    (seen,) = tried(config, breakage_of(calendar.no_freeze))
    assert not seen.stopped
    assert not seen.whole
    assert seen.problem == "broken: pass"
    assert seen.examples == (0, 1)
    told = list[str]()
    assert try_gates(config, "calendar.*", "table", told.append, told.append) == 1
    assert "not whole: calendar.no-freeze" in told[-1]


@pytest.mark.process
def test_a_gate_that_always_passes_in_a_run_is_found_out(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    one = next(one for one in BREAKAGES if one.gate.name == "smoke.routes-answer")
    passes_always(monkeypatch, one.gate)
    (seen,) = tried(config, one)
    assert (seen.rested, seen.stopped, seen.whole) == (True, False, False)
    assert seen.ended == "deployed", "and nothing else stopped it"


def test_a_gate_that_can_only_say_that_nobody_could_look_was_not_seen(config: Config) -> None:
    one = replace(breakage_of(source.is_pushed), breaks=lambda lab: lab.fault("github answer status=500"))
    (seen,) = tried(config, one)
    assert (seen.rested, seen.stopped) == (True, False)
    assert "unknown" in seen.problem


def test_words_that_do_not_help_are_found_out(config: Config) -> None:
    one = replace(breakage_of(environment.required_variables), cures=nothing)
    (seen,) = tried(config, one)
    assert (seen.stopped, seen.cured, seen.whole) == (True, False, False)
    assert seen.problem.startswith("mended: block")


def test_a_gate_that_this_machine_cannot_try_is_named_and_no_failure(config: Config) -> None:
    cannot = replace(breakage_of(calendar.no_freeze), lacks=lambda: "there is no almanac")
    (seen,) = tried(config, cannot)
    assert (seen.did_not_run, seen.whole, seen.problem) == ("there is no almanac", False, "")
    assert seen_plain((seen,))["whole"] is True
    for text in (seen_text((seen,)), seen_markdown((seen,))):
        assert "did not run: calendar.no-freeze (there is no almanac)" in text
        assert "not whole" not in text


def test_a_gate_without_a_breakage_and_one_that_cannot_be_stopped_are_listed(config: Config) -> None:
    why = "the sandbox has no exams"
    cannot = replace(breakage_of(calendar.no_freeze), cannot=why)
    found = tried(config, cannot, gates=(calendar.no_freeze, source.is_pushed))
    assert [one.problem for one in found] == [why, "no breakage"]
    assert not any(one.whole for one in found)


def test_the_three_formats_say_the_same() -> None:
    well = Trial(
        "a.b",
        "state",
        "it is broken",
        "deploy",
        "Mend it",
        (2, 2),
        True,
        True,
        True,
        "block",
        "x is | bad",
        "mend x",
        "blocked",
        "",
        1.5,
    )
    ill = replace(well, gate="c.d", stopped=False, cured=False, verdict="", said="", problem="broken: pass")
    plain = json.loads(json.dumps(seen_plain((well, ill))))
    assert (plain["gates"], plain["stopped"], plain["cured"], plain["whole"]) == (2, 1, 1, False)
    assert [one["gate"] for one in plain["seen"]] == ["a.b", "c.d"]
    for text in (seen_text((well, ill)), seen_markdown((well, ill))):
        assert "2 gates, broken in 2 ways: 1 were seen to stop (1 by state), 1 passed again" in text
        assert "not whole: c.d" in text
        assert "it is broken" in text
        assert "broken: pass" in text
    assert "x is \\| bad" in seen_markdown((well,))


def test_a_pattern_that_fits_nothing_and_a_format_that_is_none_are_named(config: Config) -> None:
    for only, form in (("nothing.*", "table"), ("calendar.*", "xml")):
        with pytest.raises(Mistake, match=r"--only nothing|--format xml"):
            try_gates(config, only, form, print, print)


@pytest.mark.process
def test_the_command_leaves_nothing_behind(checkout: Checkout) -> None:
    said = checkout.run("selftest", "--only", "calendar.*", "--format", "json")
    document = json.loads(said.splitlines()[0])
    assert document["whole"] is True
    assert document["seen"][0]["said"]
    assert not (Path(checkout.folder) / ".sandbox").exists(), "the user's sandbox is not touched"
    assert not (Path(checkout.folder) / ".runs").exists(), "nor the journal"

"""Every gate through its own examples: the manual, the test and the code are one text."""

import dataclasses
import importlib
import pkgutil

import pytest

import checks
from checks import evidence, healthy, policy
from checks.evidence import Evidence
from checks.gate import Example, Gate, Verdict, worst
from checks.policy import Policy
from pipeline.definitions.every import EVERY
from pipeline.engine.plan import probes_by_type
from pipeline.probes.every import PROBES

MODULES = [importlib.import_module(f"checks.{module.name}") for module in pkgutil.iter_modules(checks.__path__)]
GATES = sorted(
    {value for module in MODULES for value in vars(module).values() if isinstance(value, Gate)},
    key=lambda gate: gate.name,
)
EXAMPLES = [
    pytest.param(gate, example, id=f"{gate.name}: {example.situation}") for gate in GATES for example in gate.examples
]


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_healthy_inputs_pass(gate: Gate) -> None:
    assert gate.ask(healthy.healthy(gate.name)) == ()


@pytest.mark.parametrize(("gate", "example"), EXAMPLES)
def test_each_example_stops(gate: Gate, example: Example) -> None:
    findings = gate.ask_example(example, healthy.healthy(gate.name))
    assert worst(findings).stops
    assert all(finding.subject and finding.says for finding in findings)


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_every_gate_has_been_seen_to_stop(gate: Gate) -> None:
    assert gate.examples, "a gate that has never been seen to stop is decoration"


def test_every_gate_has_a_place() -> None:
    placed = {gate for pipeline in EVERY for gate in pipeline.gates}
    undos = [step.undo for pipeline in EVERY for step in pipeline.steps if step.undo]
    placed |= {gate for undo in undos for gate in undo.proved_by}
    assert set(GATES) == placed


def test_every_evidence_has_one_source() -> None:
    given = {step.gives for pipeline in EVERY for step in pipeline.steps if step.gives}
    read = set(probes_by_type(PROBES))
    kinds = {kind for kind in vars(evidence).values() if isinstance(kind, type) and issubclass(kind, Evidence)} - {
        Evidence
    }
    assert kinds == read | given
    assert not read & given
    for probe in PROBES:
        kind = next(kind for kind, reader in probes_by_type(PROBES).items() if reader is probe)
        assert kind.__name__.lower() == probe.__name__.replace("_", ""), "a probe is its evidence in snake case"


def test_every_policy_and_evidence_has_a_healthy_instance() -> None:
    have = {type(value) for value in (*healthy.POLICIES, *healthy.EVIDENCE, *healthy.AFTER_PROMOTION)}
    asked = {kind for gate in GATES for kind in gate.inputs.values()}
    assert asked <= have


def test_evidence_and_policies_are_frozen() -> None:
    for kind in [*vars(evidence).values(), *vars(policy).values()]:
        if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind not in (Evidence, Policy):
            assert kind.__dataclass_params__.frozen, kind  # type: ignore[attr-defined]


def test_unknown_is_never_a_gates_to_say() -> None:
    for gate in GATES:
        for example in gate.examples:
            said = gate.ask_example(example, healthy.healthy(gate.name))
            assert Verdict.UNKNOWN not in {finding.verdict for finding in said}

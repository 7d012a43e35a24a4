"""The entry of each step and gate: its words, its evidence, and what it really says in each of its examples."""

import inspect
import shlex

from checks.gate import Example, Gate
from checks.healthy import healthy
from checks.own import CommandGate
from checks.policy import ContinuousIntegrationPolicy, Policy
from pipeline.config import Policies
from pipeline.documents.pages.words import gate_links
from pipeline.documents.templates import part
from pipeline.engine.plan import Step
from pipeline.render.markdown import stop
from pipeline.render.report import finding_text


def step_entry(step: Step) -> str:
    """The entry of one step: its procedure, and what undoes it."""
    return part("step", step=step, procedure=step.procedure, gate_links=gate_links)


def gate_entry(gate: Gate, policies: Policies) -> str:
    """The entry of one gate: its procedure, its evidence, and its findings in each of its examples."""
    names = {type(section): name for name, section in vars(policies).items()}
    kinds = gate.inputs.values()
    return part(
        "gate",
        gate=gate,
        procedure=gate.procedure,
        evidence=[(kind.__name__, _said_of(kind)) for kind in kinds if not issubclass(kind, Policy)],
        sections=[names[kind] for kind in kinds if issubclass(kind, Policy)],
        ignored=policies.ci.ignore if ContinuousIntegrationPolicy in kinds else (),
        command=shlex.join(gate.command) if isinstance(gate, CommandGate) else "",
        said=[said_when(gate, example) for example in gate.examples],
    )


def _said_of(kind: type) -> str:
    """What an evidence is and where it is read, from its docstring; what that says of one attribute is for the code."""
    paragraphs = [" ".join(text.split()) for text in (inspect.getdoc(kind) or "").split("\n\n")]
    *first, last = [text for text in paragraphs if not text.startswith("``")]
    return " ".join([*map(stop, first), last])


def said_when(gate: Gate, example: Example) -> str:
    """The situation of an example, and the findings of the gate when it is asked about it."""
    findings = gate.ask_example(example, healthy(gate.name))
    texts = [finding_text(finding.plain) for finding in findings]
    return "\n".join([f"… {example.situation}:", *(line[4:] for text in texts for line in text.splitlines())])

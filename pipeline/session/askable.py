"""Which gates can be asked at any time, and which only a run can, because a step of it gives what they look at."""

from checks.gate import Gate
from pipeline.definitions.every import EVERY
from pipeline.engine.plan import inputs_of
from pipeline.session.asking import READERS


def given_by_steps(gate: Gate) -> tuple[str, ...]:
    """Names of the evidence that only a step of a run can give this gate."""
    given = {step.gives for one in EVERY for step in one.steps if step.gives and step.gives not in READERS}

    def missing(kind: type) -> set[type]:
        if kind in given:
            return {kind}
        return {deeper for one in inputs_of(READERS[kind]) for deeper in missing(one)} if kind in READERS else set()

    return tuple(sorted(kind.__name__ for one in gate.inputs.values() for kind in missing(one)))

"""Which rules a run goes by, as digests: its gates, what they require, and the waivers. Nothing is asked for it."""

import inspect
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from checks.evidence.approval import Part, digest_of
from checks.policy import Policy, Waiver
from pipeline.engine.plan import Pipeline, Probe, inputs_of
from pipeline.record.journal import plain


def rules_of(
    pipeline: Pipeline, policies: Mapping[type, Any], probes: Mapping[type, Probe], waivers: Iterable[Waiver]
) -> tuple[Part, ...]:
    """The parts of a plan that this tool and deploy.yml make: ``gates``, ``policies`` and ``waivers``."""
    asked = {kind.__name__: plain(policies[kind]) for kind in sorted(_asked(pipeline, probes), key=repr)}
    return (
        ("gates", digest_of("\n".join(_gates(pipeline)))),
        ("policies", digest_of(_text(asked))),
        ("waivers", digest_of(_text([plain(waiver) for waiver in waivers]))),
    )


def changed(before: Iterable[Part], now: Iterable[Part]) -> tuple[str, ...]:
    """The names of the parts of both that differ."""
    known = dict(before)
    return tuple(name for name, digest in now if known.get(name, digest) != digest)


def _gates(pipeline: Pipeline) -> Iterator[str]:
    """The stages with what they do and ask, in order, then the words of the modules that judge."""
    for stage in pipeline.stages:
        does, asks, advises = ([node.name for node in nodes] for nodes in (stage.does, stage.asks, stage.advises))
        yield _text([stage.name, does, asks, advises])
    yield from (digest_of(gate.text) for gate in pipeline.gates if gate.stage)
    for name in sorted({gate.judge.__module__ for gate in pipeline.gates if not gate.stage}):
        yield digest_of(inspect.getsource(sys.modules[name]).replace("\r\n", "\n"))


def _asked(pipeline: Pipeline, probes: Mapping[type, Probe]) -> set[type]:
    """The policies that the gates and steps of ``pipeline`` ask for, themselves or through what they look at."""
    found, todo = set[type](), [kind for gate in pipeline.gates for kind in gate.inputs.values()]
    todo += [kind for step in pipeline.steps for kind in step.inputs]
    while todo:
        kind = todo.pop()
        if kind not in found:
            found.add(kind)
            todo += inputs_of(probes[kind]) if kind in probes else ()
    return {kind for kind in found if issubclass(kind, Policy)}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)

"""Puts the gates of the home's own into the stages that they say."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from checks.gate import Gate
from pipeline.config import Config
from pipeline.definitions.deploy import DEPLOY, PIPELINES, pipeline_for
from pipeline.definitions.every import GATES
from pipeline.engine.plan import Pipeline, check
from pipeline.errors import BrokenPlan, Mistake
from pipeline.probes.every import PROBES

FAMILIES = frozenset(gate.family for gate in GATES)


def pipeline_of(config: Config, target: str) -> Pipeline:
    """The pipeline of ``target`` with the home's own gates. Raises Mistake for a gate without a place in it."""
    policies = config.policies[target]
    must_fit(config.own, policies.by_type())
    return placed(pipeline_for(config.file.targets[target].kind, policies.promotion), config.own)


def pipeline_to_look(config: Config, target: str) -> Pipeline:
    """The same for whoever only looks, or goes back: without the home's own gates when something is wrong in them."""
    try:
        return pipeline_of(config, target)
    except Mistake:
        return pipeline_for(config.file.targets[target].kind, config.policies[target].promotion)


def placed(pipeline: Pipeline, own: Iterable[Gate]) -> Pipeline:
    """``pipeline`` with each of ``own`` in the stage that it says; a stage that is not in it asks nothing."""
    own = tuple(own)
    stages = (
        replace(stage, asks=(*stage.asks, *(gate for gate in own if gate.stage == stage.name)))
        for stage in pipeline.stages
    )
    return replace(pipeline, stages=tuple(stages)) if own else pipeline


def must_fit(own: Iterable[Gate], policies: Mapping[type, Any]) -> None:
    """Raises Mistake, by file and line, for a gate that takes a name of ours, or has no place."""
    wrong = [f"{gate.place}: {gate.name}: {says}" for gate in own if (says := _misfit(gate, policies))]
    if wrong:
        raise Mistake("\n".join(wrong))


def _misfit(gate: Gate, policies: Mapping[type, Any]) -> str:
    stages = [stage.name for pipeline in PIPELINES.values() for stage in pipeline.stages]
    if gate.family in FAMILIES:
        return f"{gate.family} is a family of ours; call the file otherwise"
    if gate.stage not in stages:
        return f"stage {gate.stage}: is none; there are {', '.join(dict.fromkeys(stages))}"
    if gate.stage in [stage.name for stage in DEPLOY.stages]:
        try:
            check(placed(DEPLOY, (gate,)), PROBES, policies)
        except BrokenPlan as error:
            return str(error).removeprefix(f"{gate.name} ")
    return ""

"""`deploy --plan`: what would happen, without starting or asking anything."""

from typing import Any

from pipeline.config import Config
from pipeline.definitions.own import pipeline_of
from pipeline.engine.plan import Pipeline
from pipeline.render.pipeline import plain_plan, plan_text


def plan_of(config: Config, target: str) -> str:
    """What a deploy to ``target`` would do, without starting or asking anything."""
    return plan_text(*_planned(config, target))


def plain_plan_of(config: Config, target: str) -> dict[str, Any]:
    """The same, as JSON has it."""
    return plain_plan(*_planned(config, target))


def _planned(config: Config, target: str) -> tuple[Pipeline, str]:
    name, _ = config.target(target)
    return pipeline_of(config, name).at_pace(config.pace(name)), name

"""`deploy --plan`: what would happen, without starting or asking anything."""

from typing import TYPE_CHECKING

from pipeline.config import Config
from pipeline.definitions.own import pipeline_of
from pipeline.render.pipeline import plan_text

if TYPE_CHECKING:
    pass


def plan_of(config: Config, target: str) -> str:
    """What a deploy to ``target`` would do, without starting or asking anything."""
    name, _ = config.target(target)
    return plan_text(pipeline_of(config, name).at_pace(config.pace(name)), name)

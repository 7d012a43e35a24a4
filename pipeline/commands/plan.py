"""`deploy --plan`: what would happen, without starting or asking anything."""

from typing import TYPE_CHECKING

from pipeline.config import Config
from pipeline.definitions.deploy import pipeline_for
from pipeline.render.pipeline import plan_text

if TYPE_CHECKING:
    pass


def plan_of(config: Config, target: str) -> str:
    """What a deploy to ``target`` would do, without starting or asking anything."""
    name, aim = config.target(target)
    return plan_text(pipeline_for(aim.kind, config.policies[name].promotion).at_pace(config.pace(name)), name)

"""Which secrets a command has to be given: a stage of a CI job gets its own, and no others."""

from collections.abc import Iterable

from pipeline.config import Config
from pipeline.definitions.own import pipeline_of, pipeline_to_look
from pipeline.engine.plan import Pipeline, probes_by_type
from pipeline.engine.uses import Needs
from pipeline.probes.every import PROBES
from pipeline.session.fitting import stages_of
from pipeline.session.session import Order
from pipeline.steps.leftovers import clear_leftovers
from pipeline.world.secrets import SECRETS


def needs_of(config: Config, target: str) -> Needs:
    """What the parts of pipelines need, with the database that the target tries migrations in."""
    policies = config.policies[target]
    return Needs(probes_by_type(PROBES), policies.database.scratch, policies.smoke.variables)


def to_ship(config: Config, order: Order) -> Iterable[str]:
    """The secrets that must be set: all when a run begins; a later stage on its own is given those that it needs."""
    name, pipeline = _pipeline(config, order.target)
    asked, needs = stages_of(pipeline, order), needs_of(config, name)
    if asked is None or pipeline.stages[0].name in asked:
        return SECRETS
    stages = [one for one in pipeline.stages if one.name in asked]
    return sorted({secret for stage in stages for secret in needs.of_stage(pipeline, stage)})


def to_settle(config: Config, target: str) -> Iterable[str]:
    """The secrets that going back takes, whatever the run has done."""
    name, _ = config.target(target)
    return needs_of(config, name).of_undoing(pipeline_to_look(config, name), clear_leftovers)


def _pipeline(config: Config, target: str) -> tuple[str, Pipeline]:
    name, _ = config.target(target)
    return name, pipeline_of(config, name)

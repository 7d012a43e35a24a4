"""The reference: everything that has a name, as tables that are derived from code alone."""

from collections.abc import Iterable, Mapping
from typing import Any

from checks.outcome import Outcome
from pipeline.clients import channels
from pipeline.config import DeployFile, Policies
from pipeline.documents.catalogue import CommandWords
from pipeline.documents.longest import longest, request
from pipeline.documents.pages.keys import key_rows, key_sections
from pipeline.documents.pages.words import RUNBOOK, document, gate_link, gate_links, known_here, step_link, step_links
from pipeline.engine.plan import Pipeline
from pipeline.render.markdown import spell, upper
from pipeline.world.secrets import OPTIONAL, SECRETS

LIVE = "The release is live; it was proved and watched"
USAGE = (2, "-", "A mistake in what was typed or in `deploy.yml`; nothing was touched")
INTERRUPTED = (130, "-", "Ctrl-C before anything was touched; later it goes back and ends as one of the above")


def reference(
    pipelines: Iterable[Pipeline],
    file: DeployFile,
    policies: Policies,
    schema: Mapping[str, Any],
    every_command: Iterable[CommandWords],
) -> str:
    """The page that a person searches in: commands, outcomes, pipelines, steps, gates, keys, variables."""
    pipelines, commands, definitions = tuple(pipelines), tuple(every_command), schema["$defs"]
    return document(
        "reference",
        known_here(file, policies),
        command_rows=[(f"`./inv {command.name}`", command.does) for command in commands],
        longest_rows=_longest_rows(["check", *(command.name for command in commands)], pipelines[0]),
        request_seconds=spell(request()),
        message_seconds=spell(channels.WITHIN),
        command_options=[(command.name, _option_rows(command)) for command in commands if command.options],
        outcome_rows=_outcome_rows(),
        pipelines=[(pipeline, _stage_rows(pipeline)) for pipeline in pipelines],
        step_rows=_step_rows(pipelines),
        gate_rows=_gate_rows(pipelines),
        key_rows=key_rows(schema, definitions),
        key_sections=tuple(key_sections(schema, definitions)),
        secret_rows=[(f"`{name}`", where) for name, where in SECRETS.items()],
        optional_rows=[(f"`{name}`", upper(what)) for name, what in OPTIONAL.items()],
    )


def _longest_rows(names: Iterable[str], deploy: Pipeline) -> list[tuple[str, str, str]]:
    bounds = longest(names, deploy)
    return [(name, _at_most(one.seconds), upper(one.made_of)) for name, one in bounds.items()]


def _at_most(seconds: float) -> str:
    """A bound in words, rounded up to whole minutes above two of them."""
    return spell(-(-seconds // 60) * 60 if seconds > 120 else seconds) if seconds else ""


def _option_rows(command: CommandWords) -> list[tuple[str, str]]:
    return [(f"`{flag}`", upper(words)) for flag, words in command.options]


def _outcome_rows() -> list[tuple[int, str, str]]:
    rows = [(outcome.code, outcome.word, upper(outcome.means) or LIVE) for outcome in Outcome]
    return [*rows[:2], USAGE, *rows[2:], INTERRUPTED]


def _stage_rows(pipeline: Pipeline) -> list[tuple[str, ...]]:
    return [
        (
            stage.name,
            step_links(stage.does, RUNBOOK),
            gate_links(stage.gates, page=RUNBOOK),
            spell(stage.patience) if stage.patience else "",
            spell(stage.during) if stage.during else "",
        )
        for stage in pipeline.stages
    ]


def _step_rows(pipelines: Iterable[Pipeline]) -> list[tuple[str, ...]]:
    return [
        (
            step_link(step, RUNBOOK),
            step.procedure.title,
            f"`{step.undo.name}`" if step.undo else "",
            step.procedure.owner,
        )
        for step in dict.fromkeys(step for pipeline in pipelines for step in pipeline.steps)
    ]


def _gate_rows(pipelines: Iterable[Pipeline]) -> list[tuple[str, ...]]:
    pipelines = tuple(pipelines)
    proofs = [gate for pipeline in pipelines for step in pipeline.steps if step.undo for gate in step.undo.proved_by]
    gates = dict.fromkeys([*(gate for pipeline in pipelines for gate in pipeline.gates), *proofs])
    return [(gate_link(gate, RUNBOOK), gate.procedure.title, gate.procedure.owner) for gate in gates]

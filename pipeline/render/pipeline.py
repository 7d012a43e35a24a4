"""A pipeline in words: what ``--plan`` prints."""

from typing import Any

from pipeline.engine.plan import Pipeline, Stage
from pipeline.render.report import duration


def plan_text(pipeline: Pipeline, target: str) -> str:
    """The stages of a pipeline in order, with what they would do and ask. Nothing has been touched to print this."""
    lines = [f"{pipeline.name} to {target}: {pipeline.purpose}", "Nothing is touched by --plan."]
    for number, stage in enumerate(pipeline.stages, 1):
        lines += ["", f"{number}. {stage.name}: {stage.purpose}{_pace(stage)}"]
        for step in stage.does:
            undo = f"   (undone by: {step.undo.title.rstrip('.')})" if step.undo else ""
            lines.append(f"   does {step.name:<34} {step.procedure.title}{undo}")
        lines += [f"   asks {gate.name:<34} {gate.procedure.title}" for gate in stage.asks]
    return "\n".join(lines)


def plain_plan(pipeline: Pipeline, target: str) -> dict[str, Any]:
    """The same as JSON has it; ``patience`` and ``watches`` in seconds, ``undone_by`` empty for what nothing undoes."""
    return {
        "pipeline": pipeline.name,
        "target": target,
        "purpose": pipeline.purpose,
        "stages": [_plain_stage(stage) for stage in pipeline.stages],
    }


def _plain_stage(stage: Stage) -> dict[str, Any]:
    return {
        "name": stage.name,
        "purpose": stage.purpose,
        "patience": stage.patience,
        "watches": stage.during,
        "does": [
            {
                "step": step.name,
                "title": step.procedure.title,
                "undone_by": step.undo.title if step.undo else "",
            }
            for step in stage.does
        ],
        "asks": [{"gate": gate.name, "title": gate.procedure.title} for gate in stage.asks],
        "advises": [{"gate": gate.name, "title": gate.procedure.title} for gate in stage.advises],
    }


def _pace(stage: Stage) -> str:
    said = [f"patience {duration(round(stage.patience * 1000))}"] if stage.patience else []
    said += [f"watches {duration(round(stage.during * 1000))}"] if stage.during else []
    return f" ({', '.join(said)})" if said else ""

"""The last section of the runbook: every stage of a pipeline with its steps and gates, in order."""

from dataclasses import dataclass

from pipeline.config import Policies
from pipeline.documents.pages.entries import gate_entry, step_entry
from pipeline.documents.pages.words import gate_links, step_links
from pipeline.documents.templates import part
from pipeline.engine.plan import Pipeline, Stage
from pipeline.render.markdown import spell

VERDICTS = (
    ("pass", "Yes.", "goes on"),
    ("warn", "Yes, but read this.", "goes on, and says so at the end"),
    ("not yet", "No, but it may become a yes.", "asks again until the stage's patience ends"),
    ("unknown", "It could not be found out.", "asks again until the stage's patience ends; never counts as a yes"),
    ("block", "No.", "stops at once"),
)


@dataclass(frozen=True)
class StageWords:
    """One stage as the runbook shows it. ``facts``: label → text; ``entries`` of its steps and gates."""

    name: str
    purpose: str
    facts: tuple[tuple[str, str], ...]
    entries: tuple[str, ...]


def stages_in_order(pipeline: Pipeline, rolling: Pipeline, policies: Policies) -> str:
    """The section: every step and every gate of the pipeline, those of a rolling release, and those of going back."""
    shares = [stage for stage in rolling.stages if stage not in pipeline.stages]
    more_steps = dict.fromkeys(step for stage in shares for step in stage.does if step not in pipeline.steps)
    more_gates = dict.fromkeys(gate for stage in shares for gate in stage.asks if gate not in pipeline.gates)
    proofs = [gate for step in pipeline.steps if step.undo for gate in step.undo.proved_by]
    return part(
        "stages",
        pipeline=pipeline,
        rolling=rolling,
        flowchart=flowchart(pipeline),
        verdicts=VERDICTS,
        stages=[_stage_words(stage, pipeline, policies) for stage in pipeline.stages],
        shares=shares,
        rolling_watch=policies.promotion.rolling_watch,
        share_entries=[*map(step_entry, more_steps), *(gate_entry(gate, policies) for gate in more_gates)],
        proof_entries=[gate_entry(gate, policies) for gate in proofs],
    )


def flowchart(pipeline: Pipeline) -> str:
    """How a run goes, as Mermaid: forward on yes, back on no, and the exit code of each outcome."""
    lines = ["flowchart TD", "  begin([a commit])"]
    names = [f"stage_{stage.name}" for stage in pipeline.stages]
    moved = False
    for stage, name in zip(pipeline.stages, names, strict=True):
        moved = moved or any(step.moves_production for step in stage.does)
        lines.append(f'  {name}["{stage.name}<br/>{_counts(stage)}"]')
        if not stage.may_fail:
            lines.append(f"  {name} -- no --> {'going_back' if moved else 'blocked'}")
    for before, after in zip(["begin", *names], [*names, "deployed"], strict=True):
        lines.append(f"  {before} {'-->' if before == 'begin' else '-- yes -->'} {after}")
    lines += [
        "  deployed([deployed: exit 0])",
        "  blocked([blocked: exit 1, the run moved no traffic])",
        '  going_back["going back: production is pointed at what it served before"]',
        "  going_back -- no reason to go back --> held([held: exit 5, a person decides])",
        "  going_back -- proved --> rolled_back([rolled back: exit 3])",
        "  going_back -- a newer release of somebody else is live --> superseded([superseded: exit 5])",
        "  going_back -- not proved --> stranded([stranded: exit 4, a person must act now])",
    ]
    return "\n".join(lines)


def _counts(stage: Stage) -> str:
    does = [f"does {', '.join(step.name for step in stage.does)}"] if stage.does else []
    asks = [f"asks {len(stage.asks)} question{'s' if len(stage.asks) > 1 else ''}"] if stage.asks else []
    return "<br/>".join([*does, *asks])


def _stage_words(stage: Stage, pipeline: Pipeline, policies: Policies) -> StageWords:
    facts = (
        ("Does", step_links(stage.does)),
        ("Asks", gate_links(stage.asks)),
        ("Looks at, without being stopped by it", gate_links(stage.advises)),
        ("Cuts its steps off", f"after {spell(stage.acts)}" if stage.does else ""),
        ("Patience", spell(stage.patience) if stage.patience else ""),
        ("Asks again", f"every {spell(stage.every)}" if stage.asks and stage.patience else ""),
        ("Watches", f"for {spell(stage.during)}" if stage.during else ""),
        ("Bears", f"{stage.budget} bad rounds in all, however short" if stage.budget else ""),
        ("Is settled by", f"{stage.in_a_row} good rounds in a row" if stage.in_a_row > 1 else ""),
        ("Reads anew", _rhythm(stage)),
        ("When the answer stays no", _consequence(stage, pipeline)),
        ("Only this stage", f"`./inv deploy --target production --run $RUN --stage {stage.name}`"),
    )
    return StageWords(
        stage.name,
        stage.purpose,
        tuple((label, text) for label, text in facts if text),
        (*map(step_entry, stage.does), *(gate_entry(gate, policies) for gate in stage.gates)),
    )


def _rhythm(stage: Stage) -> str:
    """Every kind of evidence that a stage does not read in each round, and how often it does."""
    slower: dict[float, list[str]] = {}
    for kind, rounds in stage.rhythm.items():
        slower.setdefault(rounds * stage.every, []).append(f"`{kind.__name__}`")
    said = [f"{', '.join(names)} every {spell(seconds)}" for seconds, names in sorted(slower.items())]
    return f"{'; '.join(said)}; all at once after a bad round" if said else ""


def _consequence(stage: Stage, pipeline: Pipeline) -> str:
    """What a run does when a stage's answer stays no."""
    if stage.may_fail:
        return "a warning; the release stays"
    until = pipeline.stages[: pipeline.stages.index(stage) + 1]
    moved = any(step.moves_production for before in until for step in before.does)
    held = "; when nothing, or too little, could be seen it is held (exit 5)" if not stage.moves_production else ""
    return f"the run goes back (exit 3){held}" if moved else "the run stops (exit 1); it moved no traffic"

"""The reference, and the entry of each stage, step and gate: what is derived from code alone."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from checks.gate import Example, Gate
from checks.healthy import healthy
from checks.outcome import Outcome
from checks.policy import Policy
from checks.procedure import Procedure
from pipeline.config import DeployFile, Policies
from pipeline.documents.catalogue import CommandWords
from pipeline.documents.pages.commandlist import command_section
from pipeline.documents.pages.words import REFERENCE, RUNBOOK, gate_link, known_here, page, step_heading, step_link
from pipeline.engine.plan import Pipeline, Stage, Step
from pipeline.render.markdown import bullets, fence, flow, link, spell, stop, table, upper
from pipeline.render.report import finding_text
from pipeline.world.secrets import OPTIONAL, SECRETS

OPENING = """
Everything that has a name: what can run, what it asks, how it ends, and every key and variable that it reads.
"""
LIVE = "The release is live; it was proved and watched"
VERDICTS = (
    ("pass", "Yes.", "goes on"),
    ("warn", "Yes, but read this.", "goes on, and says so at the end"),
    ("not yet", "No, but it may become a yes.", "asks again until the stage's patience ends"),
    ("unknown", "It could not be found out.", "asks again until the stage's patience ends; never counts as a yes"),
    ("block", "No.", "stops at once"),
)


def stages_in_order(pipeline: Pipeline, rolling: Pipeline, policies: Policies) -> str:
    """The last section of the runbook: every step and every gate, in the order in which they come."""
    shares = [stage for stage in rolling.stages if stage not in pipeline.stages]
    more_steps = dict.fromkeys(step for stage in shares for step in stage.does if step not in pipeline.steps)
    more_gates = dict.fromkeys(gate for stage in shares for gate in stage.asks if gate not in pipeline.gates)
    proofs = [gate for step in pipeline.steps if step.undo for gate in step.undo.proved_by]
    return "\n\n".join(
        (
            "## The Stages in Order",
            f"{pipeline.purpose} A stage first does its steps, then asks its gates together.",
            flowchart(pipeline),
            "A gate answers with one of these:",
            table(("answer", "means", "the run"), VERDICTS),
            *(_stage(number, stage, pipeline, policies) for number, stage in enumerate(pipeline.stages, 1)),
            "### In Shares (Rolling Release)",
            f"{rolling.purpose} Vercel's Rolling Releases must be configured with the same shares and manual approval."
            " Stage *promote* then gives the first share, each further share is a stage of its own, and *complete*"
            f" gives all: {' → '.join(stage.name for stage in shares)}. Every share is watched for"
            f" {spell(policies.promotion.rolling_watch)}. Going back ends the rolling release.",
            *map(step_entry, more_steps),
            *(gate_entry(gate, policies) for gate in more_gates),
            "### Going Back",
            "Steps that can be undone are undone, newest first. This must be true afterwards, within a minute. If it is"
            " not, the run ends as *stranded* (exit 4) and prints what to type by hand. The release is remembered as"
            " bad: its commit is not shipped again, and no rollback goes to it.",
            "When everything that stopped the run is also wrong with the old deployment, asked at its own address at"
            " the same time, going back would not help: the run ends as *held* (exit 5), production stays on the"
            " release, and a person decides.",
            *(gate_entry(gate, policies) for gate in proofs),
        )
    )


def flowchart(pipeline: Pipeline) -> str:
    """How a run goes, as Mermaid: forward on yes, back on no, and the exit code of each end."""
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
        "  blocked([blocked: exit 1, traffic never moved])",
        '  going_back["going back: production is pointed at what it served before"]',
        "  going_back -- no reason to go back --> held([held: exit 5, a person decides])",
        "  going_back -- proved --> rolled_back([rolled back: exit 3])",
        "  going_back -- not proved --> stranded([stranded: exit 4, a person must act now])",
    ]
    return fence("\n".join(lines), "mermaid")


def _counts(stage: Stage) -> str:
    does = [f"does {', '.join(step.name for step in stage.does)}"] if stage.does else []
    asks = [f"asks {len(stage.asks)} question{'s' if len(stage.asks) > 1 else ''}"] if stage.asks else []
    return "<br/>".join([*does, *asks])


def _stage(number: int, stage: Stage, pipeline: Pipeline, policies: Policies) -> str:
    facts = [
        ("Does", ", ".join(map(step_link, stage.does))),
        ("Asks", ", ".join(map(gate_link, stage.asks))),
        ("Looks at, without being stopped by it", ", ".join(map(gate_link, stage.advises))),
        ("Patience", spell(stage.patience) if stage.patience else ""),
        ("Asks again", f"every {spell(stage.every)}" if stage.asks and stage.patience else ""),
        ("Watches", f"for {spell(stage.during)}" if stage.during else ""),
        ("Bears", f"{stage.budget} bad rounds in all, however short" if stage.budget else ""),
        ("Is settled by", f"{stage.in_a_row} good rounds in a row" if stage.in_a_row > 1 else ""),
        ("Reads anew", _rhythm(stage)),
        ("When the answer stays no", _consequence(stage, pipeline)),
        ("Only this stage", f"`./inv deploy --target production --run $RUN --stage {stage.name}`"),
    ]
    return "\n\n".join(
        (
            f"### Stage {number}: {stage.name}",
            stage.purpose,
            bullets(f"**{name}:** {text}" for name, text in facts if text),
            *map(step_entry, stage.does),
            *(gate_entry(gate, policies) for gate in stage.gates),
        )
    )


def _rhythm(stage: Stage) -> str:
    """Every source that is not read in each round, and how often."""
    slower: dict[float, list[str]] = {}
    for kind, rounds in stage.rhythm.items():
        slower.setdefault(rounds * stage.every, []).append(f"`{kind.__name__}`")
    said = [f"{', '.join(names)} every {spell(seconds)}" for seconds, names in sorted(slower.items())]
    return f"{'; '.join(said)}; all at once after a bad round" if said else ""


def _consequence(stage: Stage, pipeline: Pipeline) -> str:
    if stage.may_fail:
        return "a warning; the release stays"
    until = pipeline.stages[: pipeline.stages.index(stage) + 1]
    moved = any(step.moves_production for one in until for step in one.does)
    held = "; when nothing, or too little, could be seen it is held (exit 5)" if not stage.moves_production else ""
    return f"the run goes back (exit 3){held}" if moved else "the run stops (exit 1); traffic never moved"


def step_entry(step: Step) -> str:
    """Everything about one step."""
    undo = f"**Undone by:** `{step.undo.name}`. {step.undo.title}" if step.undo else "**Undone by:** nothing."
    if step.undo and step.undo.proved_by:
        undo += f" Proved by {' and '.join(map(gate_link, step.undo.proved_by))}."
    return "\n\n".join((f"#### {step_heading(step.name)}", *_words(step.procedure), undo))


def gate_entry(gate: Gate, policies: Policies) -> str:
    """Everything about one gate, with what it really says in each of its examples."""
    return "\n\n".join(
        (
            f"#### {gate.name}",
            *_words(gate.procedure),
            _inputs(gate, policies),
            "**What it says when …**",
            fence("\n\n".join(said_when(gate, example) for example in gate.examples), "text"),
        )
    )


def said_when(gate: Gate, example: Example) -> str:
    """The situation, and what the gate says about it when it is asked."""
    findings = gate.ask_example(example, healthy(gate.name))
    said = (finding_text(f.plain) for f in findings)
    return "\n".join([f"… {example.situation}:", *(line[4:] for text in said for line in text.splitlines())])


def _words(words: Procedure) -> Iterable[str]:
    yield f"**{stop(words.title)}**"
    yield f"**Why:** {flow(words.why)}"
    yield f"**By hand:** {flow(words.by_hand)}"
    yield f"**If it fails:** {flow(words.if_it_fails)}"
    yield f"**Owner:** {words.owner}"


def _inputs(gate: Gate, policies: Policies) -> str:
    sections = {type(section): name for name, section in vars(policies).items()}
    kinds = gate.inputs.values()
    asks = [kind for kind in kinds if issubclass(kind, Policy)]
    sees = [kind for kind in kinds if not issubclass(kind, Policy)]
    lines = [f"* `{kind.__name__}`: {flow(inspect.getdoc(kind) or '')}" for kind in sees]
    lines += [
        f"* Compared with {link(f'`{sections[kind]}`', f'`{sections[kind]}` in `deploy.yml`', REFERENCE)}"
        for kind in asks
    ]
    return "**Evidence:**\n\n" + "\n".join(lines)


def reference(
    pipelines: Iterable[Pipeline],
    file: DeployFile,
    policies: Policies,
    schema: Mapping[str, Any],
    every_command: Iterable[CommandWords],
) -> str:
    """The document that a person searches in: pipelines, gates, steps, exit codes, keys, variables."""
    pipelines = tuple(pipelines)
    parts = (
        command_section(every_command),
        _exit_codes(),
        _pipelines(pipelines),
        _steps(pipelines),
        _gates(pipelines),
        _keys(schema),
        _variables(),
    )
    return page("Reference", OPENING, "\n\n".join(parts), known_here(file, policies))


def _exit_codes() -> str:
    rows = [(one.code, one.word, upper(one.means) or LIVE) for one in Outcome]
    rows.insert(2, (2, "-", "A mistake in what was typed or in `deploy.yml`; nothing was touched"))
    rows.append((130, "-", "Ctrl-C before anything was touched; later it goes back and ends as one of the above"))
    return "## Exit Codes and Outcomes\n\n" + table(("exit code", "outcome", "means"), rows)


def _pipelines(pipelines: tuple[Pipeline, ...]) -> str:
    text = ["## Pipelines"]
    for one in pipelines:
        rows = [
            (
                stage.name,
                ", ".join(step_link(step, RUNBOOK) for step in stage.does),
                ", ".join(gate_link(gate, RUNBOOK) for gate in stage.gates),
                spell(stage.patience) if stage.patience else "",
                spell(stage.during) if stage.during else "",
            )
            for stage in one.stages
        ]
        text += [f"### {one.name}", one.purpose, table(("stage", "does", "asks", "patience", "watches"), rows)]
    return "\n\n".join(text)


def _steps(pipelines: tuple[Pipeline, ...]) -> str:
    rows = [
        (step_link(one, RUNBOOK), one.procedure.title, f"`{one.undo.name}`" if one.undo else "", one.procedure.owner)
        for one in dict.fromkeys(step for pipeline in pipelines for step in pipeline.steps)
    ]
    return "## Steps\n\n" + table(("step", "does", "undone by", "owner"), rows)


def _gates(pipelines: tuple[Pipeline, ...]) -> str:
    proofs = [gate for one in pipelines for step in one.steps if step.undo for gate in step.undo.proved_by]
    gates = dict.fromkeys([*(gate for one in pipelines for gate in one.gates), *proofs])
    rows = [(gate_link(one, RUNBOOK), one.procedure.title, one.procedure.owner) for one in gates]
    note = (
        "`./inv check --target production` asks what preflight asks; `./inv check.FAMILY.GATE`, with the name"
        " below, asks"
        " one of them."
    )
    return f"## Gates\n\n{note}\n\n" + table(("gate", "is a yes when", "owner"), rows)


def _keys(schema: Mapping[str, Any]) -> str:
    definitions = schema["$defs"]
    text = [
        "## Keys of deploy.yml",
        "Durations may be written `90s`, `10m`, `2h`; a plain number is seconds. Unknown keys are mistakes. Each target"
        " may change any section under `override`.",
        _key_table("", schema, definitions),
    ]
    for name, kind in _sections(schema, definitions):
        text += [f"### `{name}`", flow(kind.get("description", "")), _key_table(name, kind, definitions)]
    return "\n\n".join(part for part in text if part)


def _sections(schema: Mapping[str, Any], definitions: Mapping[str, Any], path: str = "") -> Iterable[tuple[str, Any]]:
    """Every mapping below ``schema``, by its dotted path, in the order of the file."""
    for name, value in schema.get("properties", {}).items():
        found = _definition(value)
        if found:
            dotted = f"{path}.{name}".lstrip(".") + {"array": "[]", "object": ".NAME"}.get(value.get("type", ""), "")
            yield dotted, definitions[found]
            yield from _sections(definitions[found], definitions, dotted)


def _definition(value: Mapping[str, Any]) -> str:
    """Name of the definition that ``value``, its items or its values refer to."""
    for one in (value, value.get("items", {}), value.get("additionalProperties", {}), *value.get("allOf", ())):
        if isinstance(one, dict) and "$ref" in one:
            return str(one["$ref"]).rpartition("/")[2]
    return ""


def _key_table(path: str, kind: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    required = kind.get("required", ())
    rows = [
        (
            f"`{name}`",
            _type(value),
            "**required**" if name in required else _default(value),
            flow(value.get("description") or definitions.get(_definition(value), {}).get("description", "")),
        )
        for name, value in kind["properties"].items()
    ]
    return table(("key", "type", "default", "means"), rows)


def _type(value: Mapping[str, Any]) -> str:
    if "enum" in value:
        return " or ".join(f"`{one}`" for one in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    if "anyOf" in value:
        return " or ".join(_type(one) for one in value["anyOf"] if one.get("type") != "null")
    if "$ref" in value:
        return "section"
    if value.get("type") == "array":
        return f"list of {_type(value.get('items', {})).replace('section', 'sections')}"
    if value.get("format"):
        return str(value["format"])
    if value.get("pattern"):
        return "duration"
    return {"object": "mapping", "string": "text", "integer": "whole number", "boolean": "`true` or `false`"}.get(
        str(value.get("type")), str(value.get("type", "anything"))
    )


def _default(value: Mapping[str, Any]) -> str:
    default = value.get("default")
    if default in (None, [], {}, "") or isinstance(default, dict):
        return ""
    if isinstance(default, list):
        plain = all(not isinstance(one, dict) for one in default)
        return ", ".join(f"`{one}`" for one in default) if plain else ""
    if isinstance(default, float):
        return f"`{default:g}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _variables() -> str:
    secrets = table(("variable", "where to get it"), [(f"`{name}`", where) for name, where in SECRETS.items()])
    optional = table(("variable", "what for"), [(f"`{name}`", upper(what)) for name, what in OPTIONAL.items()])
    return "\n\n".join(
        (
            "## Environment Variables and Secrets",
            "Of the machine that deploys: a shell, `.env` (never committed), or secrets of the GitHub environment"
            " `production`. They are not the app's own variables; those are on Vercel.",
            "### Needed to Deploy",
            secrets,
            "`./inv rollback` needs only `VERCEL_TOKEN`. The target `sandbox` needs none.",
            "### Optional",
            optional,
        )
    )

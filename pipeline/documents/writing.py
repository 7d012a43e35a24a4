"""Writes the generated files, and says which of them are stale."""

import difflib
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from checks.outcome import Outcome
from pipeline import home
from pipeline.config import Config, schema
from pipeline.definitions.checklists import CHECKLISTS
from pipeline.definitions.deploy import DEPLOY, rolling_out
from pipeline.definitions.every import EVERY, GATES
from pipeline.definitions.own import must_fit, pipeline_of, placed
from pipeline.documents.catalogue import CommandWords
from pipeline.documents.completeness import Documented, audit
from pipeline.documents.outside import must_be_ours, must_stay_inside
from pipeline.documents.pages.byhand import by_hand_page
from pipeline.documents.pages.every import documents
from pipeline.documents.pages.facts import fact
from pipeline.documents.pages.sections import Section, is_broken, sealed, sections, with_facts
from pipeline.documents.pages.typed import TypedCommand, by_hand
from pipeline.documents.pages.workflow import (
    Setting,
    check_workflow,
    drill_workflow,
    monitor_workflow,
    rollback_workflow,
    workflow,
)
from pipeline.documents.proofs import load as load_proofs
from pipeline.documents.reviews import read_by, signatures
from pipeline.documents.todo import open_actions
from pipeline.drills.scenario import scenarios
from pipeline.engine.plan import Pipeline
from pipeline.engine.uses import Needs
from pipeline.errors import Mistake
from pipeline.handbook.playbooks import named
from pipeline.handbook.thresholds import thresholds
from pipeline.handbook.troubles import TROUBLES
from pipeline.record.place import NAME
from pipeline.session.asking import READERS
from pipeline.world.secrets import STATE

MODE, FOLDER = "utf-8", "runbooks/"
CODE = re.compile(r"\bP\d{4}\b")
GENERATED = (
    "runbooks/*.md",
    "runbooks/drills/*.md",
    "runbooks/*.schema.json",
    ".github/workflows/deploy.yml",
    ".github/workflows/rollback.yml",
    ".github/workflows/monitor.yml",
    ".github/workflows/drill.yml",
    ".github/workflows/check.yml",
)


@dataclass(frozen=True)
class Sources:
    """What the documents are written from: deploy.yml as it was read, the folder they stand in, every command."""

    config: Config
    root: Path
    commands: tuple[CommandWords, ...]
    command: str = home.OURS
    """How a command begins for whoever stands in that folder."""
    below: str = ""
    """Where that folder is in its repository, with a slash behind it; empty at the top."""


def generated(sources: Sources) -> dict[str, str]:
    """The text of every file that is generated, by its path from the root."""
    found = raw(sources)
    page = by_hand_page(typed(found), load_proofs(sources.root).commands)
    return {
        **{name: _finished(name, text, sources.root) for name, text in found.items()},
        f"{FOLDER}by-hand.md": sealed(home.as_typed(page, sources.command)),
        **{name: home.as_typed(text, sources.command) for name, text in workflows(sources.config, sources).items()},
    }


def workflows(config: Config, sources: Sources | None = None) -> dict[str, str]:
    """The text of every workflow that is generated, by its path from the root, which may be below GitHub's folder."""
    below = sources.below if sources else ""
    target, policies = config.shipped, config.policies[config.shipped]
    must_fit(config.own, policies.by_type())
    pipeline = placed(rolling_out(DEPLOY, policies.promotion), config.own)
    setting = Setting(
        target,
        alike(config, pipeline),
        policies.source.branch,
        policies.build,
        config.file.state if NAME.fullmatch(config.file.state) else STATE,
        below.rstrip("/"),
        home.suffix_of(sources.root) if below and sources else "",
        posixpath.normpath(f"{below}{config.file.app}"),
        sources is not None and sources.command == home.NAME,
        config.file.action,
    )
    needs = Needs(READERS, policies.database.scratch, policies.smoke.variables)
    made = {
        "deploy": workflow(pipeline, needs, setting),
        "rollback": rollback_workflow(setting),
        "monitor": monitor_workflow(CHECKLISTS.values(), needs, setting),
        "drill": drill_workflow(setting),
        "check": check_workflow(setting),
    }
    if not setting.installed and not below:  # the tool's own repository
        called = workflow(pipeline, needs, replace(setting, called=True))
        made["ship"] = home.as_typed(called, home.NAME)
    top = "../" * below.count("/")
    return {f"{top}.github/workflows/{name}{setting.suffix}.yml": text for name, text in made.items()}


def alike(config: Config, pipeline: Pipeline) -> tuple[str, ...]:
    """The targets that the stages of ``pipeline`` lead to, which are the steps of the workflow."""
    stages = [stage.name for stage in pipeline.stages]
    return tuple(
        name for name in config.file.targets if stages == [stage.name for stage in pipeline_of(config, name).stages]
    )


def raw(sources: Sources) -> dict[str, str]:
    """The pages before anything is said about who has read them and what was proved."""
    folders = (home.TOOL / "runbooks/prose", sources.root / "runbooks/prose")  # a home may say it in its own words
    prose = {path.stem: path.read_text(MODE) for folder in folders for path in sorted(folder.glob("*.md"))}
    policies = sources.config.policies.get("production") or sources.config.policies[sources.config.file.target]
    found = documents(sources.config.file, policies, prose, sources.commands, sources.config.own)
    return {name: home.as_typed(text, sources.command) for name, text in found.items()}


def pages(files: Mapping[str, str]) -> dict[str, str]:
    """The Markdown pages among the files, by the name that a link has."""
    return {name.removeprefix(FOLDER): text for name, text in files.items() if name.endswith(".md")}


def typed(files: Mapping[str, str]) -> tuple[TypedCommand, ...]:
    """Every command that the pages give a reader to type; a drill's sheets give none."""
    return by_hand({page: text for page, text in pages(files).items() if "/" not in page})


def every_section(sources: Sources) -> tuple[Section, ...]:
    """All sections of all pages but the drills' sheets, as they are generated now."""
    by_page = pages(raw(sources))
    return tuple(section for page, text in by_page.items() if "/" not in page for section in sections(page, text))


def _finished(name: str, text: str, root: Path) -> str:
    """A page as it is written: what was proved and who has read it under each heading, and a seal at its end."""
    if not name.endswith(".md"):
        return text
    page = name.removeprefix(FOLDER)
    signed, proofs = signatures(root), load_proofs(root)
    by_heading = {section.heading: section for section in sections(page, text)}
    drills = tuple(scenarios().values())

    def says(heading: str) -> str:
        section = by_heading.get(heading)
        typed_here = (command.text for command in by_hand({page: section.text})) if section else ()
        return fact(section, read_by(section, signed), typed_here, proofs, drills) if section else ""

    return sealed(with_facts(text, says))


def write_documents(sources: Sources, to: str = "", *, force: bool = False) -> list[str]:
    """Writes the generated files; with ``to`` only the pages, into that folder. Returns the paths written.

    Raises Mistake, with the difference, for a page that somebody has edited by hand: ``force`` gives that up.
    """
    files = generated(sources)
    if to:
        files = {name.removeprefix(FOLDER): text for name, text in files.items() if name.startswith(FOLDER)}
        must_stay_inside(Path(to), files, f"--to {to}")
        must_be_ours(Path(to), files, f"--to {to}")
    base = Path(to) if to else sources.root
    edited = [name for name in files if _edited(base / name)] if not force else []
    if edited:
        shown = "".join(_diff(name, files[name], base) for name in edited)
        raise Mistake(
            f"{', '.join(edited)}: edited by hand, which the next run would lose:\n{shown}"
            "move the change to where it comes from (docstrings, pipeline/handbook/texts, templates, deploy.yml,"
            " runbooks/prose), then say --force"
        )
    for name, text in files.items():
        path = base / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, MODE)
        except OSError as error:
            raise Mistake(f"{path}: cannot be written: {error.strerror}") from error
    return sorted(str(Path(to) / name) for name in files)


def changes(sources: Sources) -> tuple[str, ...]:
    """A line for each generated file that differs from what stands in the home: its name and how much of it."""
    found = []
    for name, text in sorted(generated(sources).items()):
        lines = _diff(name, text, sources.root).splitlines()[3:]
        more, less = (sum(line.startswith(sign) for line in lines) for sign in "+-")
        if lines:
            found.append(f"{name}: +{more} -{less} lines")
    return tuple(found)


def stale(sources: Sources, to: str = "") -> str:
    """What is wrong with the generated files, with a diff of each that differs; empty when nothing is.

    Stale, edited by hand, generated by nothing any more; a gate, command, code or alert without a section; a section
    or link that points to nothing; an action of a review or drill that is not done.
    """
    wanted, base = generated(sources), Path(to) if to else sources.root
    if to:
        wanted = {name.removeprefix(FOLDER): text for name, text in wanted.items() if name.startswith(FOLDER)}
        return "".join(_diff(name, text, base) for name, text in sorted(wanted.items()))
    there = {str(path.relative_to(base)) for pattern in GENERATED for path in base.glob(pattern)}
    orphans = [f"{name}: is generated by nothing any more; delete it\n" for name in sorted(there - set(wanted))]
    commands_known = load_proofs(sources.root).commands
    wanting = [
        f"{one.page}: was never run: {one.text}; ./inv runbooks.prove --only commands\n"
        for one in typed(raw(sources))
        if commands_known and one.text not in commands_known
    ]
    wanting += [f"runbooks/actions.yml: is not done: {one.line}\n" for one in open_actions(sources.root)]
    gaps = [f"{line}\n" for line in audit(_as_ours(pages(wanted), sources), known(sources))]
    return "".join(
        [*orphans, *wanting, *gaps, *(_diff(name, text, sources.root) for name, text in sorted(wanted.items()))]
    )


def _as_ours(found: Mapping[str, str], sources: Sources) -> Mapping[str, str]:
    """The pages as this code writes commands, whatever is typed where they stand."""
    return {page: text.replace(f"{sources.command} ", f"{home.OURS} ") for page, text in found.items()}


def known(sources: Sources) -> Documented:
    """Everything that has to have a place in the documents."""
    policies = sources.config.policies.get("production") or sources.config.policies[sources.config.file.target]
    proofs = [gate for one in EVERY for step in one.steps if step.undo for gate in step.undo.proved_by]
    keys = schema()
    return Documented(
        gates=tuple(dict.fromkeys(one.name for one in (*GATES, *proofs, *sources.config.own))),
        steps=tuple(dict.fromkeys(step.name for one in EVERY for step in one.steps)),
        commands=tuple(one.name for one in sources.commands),
        outcomes=tuple((one.code, one.word) for one in Outcome),
        codes=tuple(
            code for one in (one for found in TROUBLES.values() for one in found) for code in CODE.findall(one.error)
        ),
        alerts=tuple((one.signal, _title(one.playbook)) for one in thresholds(policies)),
        keys=tuple(key for kind in (keys, *keys["$defs"].values()) for key in kind.get("properties", {})),
    )


def _title(playbook: str) -> str:
    match = named(playbook)
    return match.title if match else ""


def _edited(path: Path) -> bool:
    return path.suffix == ".md" and path.is_file() and is_broken(path.read_text(MODE))


def _diff(name: str, wanted: str, root: Path) -> str:
    path = root / name
    found = path.read_text(MODE) if path.is_file() else ""
    if found == wanted:
        return ""
    how = "is not there" if not found else "was edited by hand" if _edited(path) else "is stale"
    lines = difflib.unified_diff(
        found.splitlines(True), wanted.splitlines(True), f"{name} (on disk)", f"{name} (from the code)"
    )
    return f"{name}: {how}; run ./inv runbooks\n" + "".join(lines)

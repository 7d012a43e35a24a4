"""Asks many projects one question: a command of ours in each home that changes nothing, so many at a time."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import ServiceError
from pipeline.fleet.checkouts import FleetHomes
from pipeline.fleet.children import environment_of, missing_tokens, nursery
from pipeline.fleet.ends import MOST_SAID, Fault, ProjectEnd
from pipeline.fleet.file import FleetFile, FleetProject
from pipeline.fleet.readings import SharedReadings
from pipeline.fleet.sharing import shared_with

WELL = ("pass", "warn")
GRAVEST = (10, 11)  # exit codes of P0 and P1
MINOR = (12, 13)  # of P2 and P3
UNREAD = 14


@dataclass(frozen=True)
class ProjectAnswer:
    """What a project answered. ``body``: its JSON document, None when it gave none; then ``says`` has the reason."""

    project: str
    code: int | None
    body: Any = None
    says: str = ""


def ask_all(
    root: Path,
    file: FleetFile,
    projects: Iterable[str],
    words: Callable[[FleetProject], list[str]],
    more: Mapping[str, str] | None = None,
) -> tuple[ProjectAnswer, ...]:
    """Ask ``projects`` of the fleet in ``root``, each by the command ``words``, with the variables ``more``."""
    homes, projects = FleetHomes(root, file), tuple(projects)
    return asyncio.run(answers_of(homes, file, projects, words, more, *homes.commits(projects)))


async def answers_of(
    homes: FleetHomes,
    file: FleetFile,
    projects: Iterable[str],
    words: Callable[[FleetProject], list[str]],
    more: Mapping[str, str] | None,
    commits: Mapping[str, str],
    unknown: Mapping[str, str],
) -> tuple[ProjectAnswer, ...]:
    """The same, for who is in a loop already.

    ``commits``: at which each repository is asked; ``unknown``: project → why nobody knows.
    """
    forks, turn, readings = nursery(), asyncio.Semaphore(file.at_once), SharedReadings()
    turns = {name: asyncio.Semaphore(group.at_once) for name, group in file.groups.items() if group.at_once}

    async def one(name: str) -> ProjectAnswer:
        project = file.projects[name]
        if name in unknown:
            return ProjectAnswer(name, None, says=unknown[name][:MOST_SAID])
        try:
            home = await asyncio.to_thread(homes.ready, name, commits.get(name, ""))
        except ServiceError as error:
            return ProjectAnswer(name, None, says=str(error)[:MOST_SAID])
        lacks = missing_tokens(project)
        if lacks or not home.is_dir():
            return ProjectAnswer(name, None, says="; ".join(lacks) or f"there is no folder {home}")
        command = ["inv", "--home", str(home), *words(project)]
        try:
            async with turns.get(project.group, contextlib.nullcontext()), turn:
                known = {**environment_of(project, shared=shared_with(file, name)), **(more or {})}
                child = await forks.run(command, known, home, _mute, readings.answer)
        except ServiceError as error:
            return ProjectAnswer(name, None, says=str(error)[:MOST_SAID])
        says = " ".join(line.removeprefix("error: ") for line in child.complaints)[:MOST_SAID]
        return ProjectAnswer(name, child.code, _document(child.printed), says)

    try:
        return tuple(await asyncio.gather(*map(one, projects)))
    finally:
        forks.close()


def to_target(project: FleetProject) -> list[str]:
    """The option that names the project's target, if it names one."""
    return [f"--target={project.target}"] if project.target else []


def _document(printed: str) -> Any:
    lines = printed.strip().splitlines()
    try:
        return json.loads(lines[-1]) if lines else None
    except ValueError:
        return None


def _mute(line: str) -> None:
    """Nobody is shown what a project says beside its answer; the last of it is kept."""


def ends_of(answers: Iterable[ProjectAnswer]) -> dict[str, ProjectEnd]:
    """Of those that gates would stop, or that did not answer: why, as ends of projects that can be judged together."""
    found = {}
    for answer in answers:
        gates = answer.body.get("gates", {}) if isinstance(answer.body, dict) else {}
        faults = tuple(
            Fault(gate, f"{one['subject']} {one['says']}"[:MOST_SAID])
            for gate, findings in gates.items()
            for one in findings
            if one["verdict"] not in WELL
        )
        if faults or answer.body is None:
            found[answer.project] = ProjectEnd("blocked", "" if faults else answer.says or "gave no answer", faults)
    return found


def worst_first(answers: Iterable[ProjectAnswer]) -> tuple[ProjectAnswer, ...]:
    """By how grave it is: P0, P1, what could not be read or asked, P2, P3, and who is well."""

    def rank(answer: ProjectAnswer) -> tuple[int, int, str]:
        code = answer.code if answer.body is not None and answer.code is not None else UNREAD
        place = 0 if code in GRAVEST else 3 if code == 0 else 2 if code in MINOR else 1
        return place, code, answer.project

    return tuple(sorted(answers, key=rank))


def exit_code_of(answers: Iterable[ProjectAnswer]) -> int:
    """The exit code of the gravest, as ``monitor.daily`` has it; 14 when somebody could not be asked, and no worse."""
    codes = [answer.code if answer.body is not None and answer.code is not None else UNREAD for answer in answers]
    known = [code for code in codes if code in (*GRAVEST, *MINOR)]
    return min(known) if known else UNREAD if any(codes) else 0

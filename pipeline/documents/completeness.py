"""What is missing in the documents, and what in them leads nowhere: both ways, as data."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pipeline.documents.pages.sections import ENTRY
from pipeline.render.markdown import anchor

FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
COMMAND = re.compile(r"\./inv ([a-z]+(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)?)(?![a-z.-]*\*)")


@dataclass(frozen=True)
class Documented:
    """Everything that has to have a place in the documents, by name."""

    gates: tuple[str, ...]
    steps: tuple[str, ...]
    commands: tuple[str, ...]
    """Of the command line, as they are typed after `./inv`."""
    outcomes: tuple[tuple[int, str], ...]
    codes: tuple[str, ...]
    """Failure codes of the vendors that the troubleshooting guide answers."""
    alerts: tuple[tuple[str, str], ...]
    """(what an alert is about, the heading of the playbook that answers it)"""
    keys: tuple[str, ...]
    """Of deploy.yml."""


def audit(pages: Mapping[str, str], known: Documented) -> tuple[str, ...]:
    """One line for each thing that has no section in the pages, and for each section or link that leads nowhere."""
    return (*_missing(pages, known), *_orphans(pages, known), *_dead_links(pages), *_unknown_commands(pages, known))


def _missing(pages: Mapping[str, str], known: Documented) -> Iterator[str]:
    every = "\n".join(pages.values())
    reference = pages.get("reference.md", "")
    for gate in known.gates:
        if f"\n#### {gate}\n" not in every:
            yield f"gate {gate}: has no section"
        if f"`{gate}`" not in reference:
            yield f"gate {gate}: is not in reference.md"
    for step in known.steps:
        if f"\n#### Step: {step}\n" not in every:
            yield f"step {step}: has no section"
    for command in known.commands:
        if f"`./inv {command}`" not in reference:
            yield f"command {command}: is not in reference.md"
    for code, word in known.outcomes:
        if f"| {code} | {word} |" not in reference:
            yield f"exit code {code} ({word}): is not in reference.md"
    for key in known.keys:
        if f"| `{key}` |" not in reference:
            yield f"key {key}: is not in reference.md"
    for failure in known.codes:
        if failure not in pages.get("troubleshooting.md", ""):
            yield f"failure code {failure}: is not in troubleshooting.md"
    for signal, playbook in known.alerts:
        if signal not in pages.get("monitoring.md", ""):
            yield f"alert {signal}: is not in monitoring.md"
        if playbook and f"\n### {playbook}\n" not in pages.get("incident-response.md", ""):
            yield f"alert {signal}: its playbook {playbook} has no section"


def _orphans(pages: Mapping[str, str], known: Documented) -> Iterator[str]:
    """The sections about a gate or a step that is no more."""
    names = {*known.gates, *(f"Step: {step}" for step in known.steps)}
    for page, text in pages.items():
        for heading in ENTRY.findall(text):
            if heading not in names:
                yield f"{page}: section {heading}: there is no such gate or step any more"


def _dead_links(pages: Mapping[str, str]) -> Iterator[str]:
    for page, text in pages.items():
        here = page.rpartition("/")[0]
        for target in LINK.findall(FENCE.sub("", text)):
            if target.startswith(("http", "mailto:")):
                continue
            name, _, fragment = target.partition("#")
            path = _joined(here, name) if name else page
            if path not in pages:
                yield f"{page}: the link {target} leads to no page"
            elif fragment and fragment not in anchors(pages[path]):
                yield f"{page}: the link {target} leads to no section"


def _unknown_commands(pages: Mapping[str, str], known: Documented) -> Iterator[str]:
    there = {*known.commands, "check"}
    for page, text in pages.items():
        for name in dict.fromkeys(COMMAND.findall(text)):
            gate = name.removeprefix("check.")
            if name not in there and gate not in known.gates and not name.startswith("check."):
                yield f"{page}: ./inv {name}: there is no such command"


def anchors(text: str) -> frozenset[str]:
    """The anchors of a page, as GitHub makes them: the second of two equal ones gets ``-1``."""
    seen, found = Counter[str](), set[str]()
    for heading in headings(text):
        name = anchor(heading)
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return frozenset(found)


def headings(text: str) -> tuple[str, ...]:
    """All headings of a page, without their marks."""
    return tuple(line.lstrip("# ") for line in FENCE.sub("", text).splitlines() if re.match(r"#{1,6} ", line))


def _joined(folder: str, name: str) -> str:
    parts = folder.split("/") if folder else []
    for part in name.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def twice(names: Iterable[str]) -> tuple[str, ...]:
    """The names that are there more than once."""
    return tuple(name for name, count in Counter(names).items() if count > 1)

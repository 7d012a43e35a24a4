"""What is called otherwise since some version: the keys of ``deploy.yml``, and the gates that it names."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from pipeline.config.document import Loader


@dataclass(frozen=True)
class Renamed:
    """A name that was another one before version ``since``. ``new`` is empty when it is gone; then ``says`` what is.

    VALUE in that is what stands in the file now.
    """

    old: str
    new: str
    since: str
    says: str = ""


VALUE = "VALUE"
KEYS = (
    Renamed("errors.fewest_events", "", "0.1.0", "errors.chance and errors.least_requests are in its place"),
    Renamed(
        "smoke.journeys.login",
        "",
        "0.1.0",
        "journeys are a list, with  - {name: login, sign_in: nextauth}  or authjs where a user signs in",
    ),
    Renamed(
        "smoke.journeys.course",
        "",
        "0.1.0",
        "a journey is in its place:  - {name: course, steps: [{path: VALUE}]}",
    ),
    Renamed(
        "smoke.journeys.course_contains",
        "",
        "0.1.0",
        "that step says it:  expect: {contains: VALUE}",
    ),
    Renamed(
        "smoke.journeys.upload",
        "",
        "0.1.0",
        'a journey is in its place:  - {name: upload, steps: [{path: VALUE, file: {content: "smoke test, {now}"}, '
        'keep: {there: {json: url}}}, {path: "{there}", expect: {body: "smoke test, {now}"}}]}  '
        "and `advisory: true` in it when its failure is to take nothing back",
    ),
)
"""Keys, by their path; below `override` of a target as at the top. A new name is the last part alone."""
GATES = (Renamed("access.student-can-sign-in", "access.smoke-user-can-sign-in", "0.1.0"),)
NAMING = ("shadow", "waivers.gate")
"""The keys whose values are names of gates."""


@dataclass(frozen=True)
class OldName:
    """A place in the text where an old name stands, from ``column`` of ``line`` on, both from 0."""

    line: int
    column: int
    path: str
    renamed: Renamed

    def __str__(self) -> str:
        return f"{self.line + 1}: {self.path}: {_now(self.renamed)}"


def old_names(text: str, keys: Sequence[Renamed] = KEYS, gates: Sequence[Renamed] = GATES) -> tuple[OldName, ...]:
    """Every old name in the text of a ``deploy.yml``; none when it is not YAML."""
    try:
        tree = yaml.compose(text, Loader)
    except yaml.YAMLError:
        return ()
    by_key, by_gate = ({one.old: one for one in table} for table in (keys, gates))
    found = []
    for path, key, node in _walk(tree):
        if path in by_key:
            found.append(_at(key, path, _with_value(by_key[path], node)))
        if path in NAMING and isinstance(node, yaml.ScalarNode) and node.value in by_gate:
            found.append(_at(node, f"{path}: {node.value}", by_gate[node.value]))
    return tuple(found)


def hint_of(path: Sequence[Any]) -> str:
    """What to add to a complaint about the key at ``path``: how it is called now; empty when it is no old name."""
    here = ".".join(str(part) for part in path if not isinstance(part, int))
    known = next((one for one in KEYS if one.old == here), None)
    return f"; it {_now(known)}" if known else ""


def _now(renamed: Renamed) -> str:
    new = f"is {renamed.new} since" if renamed.new else f"is gone since {renamed.since}:"
    return f"{new} {renamed.says or renamed.since}"


def with_new_names(text: str, names: Sequence[OldName]) -> str:
    """``text`` with the new name in each of these places; everything else in it stays, what is gone as well."""
    lines = text.splitlines(keepends=True)
    for name in sorted(names, key=lambda one: (one.line, one.column), reverse=True):
        old, new = name.renamed.old, name.renamed.new
        if new:
            before, line = lines[name.line][: name.column], lines[name.line][name.column :]
            written = old if line.lstrip("'\"").startswith(old) else old.rpartition(".")[2]
            lines[name.line] = before + line.replace(written, new, 1)
    return "".join(lines)


def _at(node: Any, path: str, renamed: Renamed) -> OldName:
    return OldName(node.start_mark.line, node.start_mark.column, path, renamed)


def _with_value(renamed: Renamed, node: Any) -> Renamed:
    value = json.dumps(node.value, ensure_ascii=False) if isinstance(node, yaml.ScalarNode) else "…"
    return replace(renamed, says=renamed.says.replace(VALUE, value))


def _walk(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any, Any]]:
    """Each value below ``node``: its path without numbers, the node of its key (of a list its own), and its own."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            here = here[3:] if here[:1] == ("targets",) and here[2:3] == ("override",) else here
            yield ".".join(here), key, value
            yield from _walk(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            if isinstance(item, yaml.ScalarNode):
                yield ".".join(path), item, item
            yield from _walk(item, path)

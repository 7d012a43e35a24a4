"""``deploy.yml`` as YAML has it: durations, the line of each key, keys that are given twice, and mistakes in words."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import Mistake

DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)$")
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML in which ``10m`` is 600 seconds. libyaml's parser where it was built in: every command waits for this."""


Loader.add_implicit_resolver("!seconds", DURATION, list("0123456789"))
Loader.add_constructor("!seconds", lambda _, node: seconds(node.value))


def read(path: Path, missing: str, sections: str, text: str = "") -> tuple[dict[str, Any], Any]:
    """The mapping that the file ``path`` holds, and its tree, which knows the lines.

    Raises Mistake; ``missing``: what to do when there is no such file; ``sections``: examples of what stands in one.
    ``text``: what it would say, when it is another than that.
    """
    try:
        text = text or path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Mistake(f"{path.name}: is missing; {missing}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Mistake(f"{path.name}: cannot be read: {error}") from error
    try:
        tree = yaml.compose(text, Loader)
        raw = yaml.load(text, Loader)  # a SafeLoader
    except yaml.YAMLError as error:
        raise Mistake(yaml_mistake(path.name, error)) from error
    if not isinstance(raw, dict):
        raise Mistake(f"{path.name}:1: must be a mapping of sections, such as {sections}")
    return raw, tree


def seconds(text: str) -> float:
    """``90s``, ``10m``, ``2h``, ``1d``, ``500ms`` in seconds. Raises ValueError."""
    found = DURATION.match(text)
    if not found:
        raise ValueError(f"{text!r} is no duration: write e.g. 90s, 10m or 2h")
    return float(found[1]) * SECONDS[found[2]]


def in_words(item: Mapping[str, Any]) -> str:
    given = item.get("input")
    match item["type"]:
        case "missing":
            return "is missing"
        case "unexpected_keyword_argument" | "extra_forbidden":
            return "is no key that this file knows (see the reference in runbooks/reference.md)"
        case "tuple_type":
            return f"expected a list, got {given!r}"
        case "dataclass_type":
            return f"expected a mapping, got {given!r}"
    says = str(item["msg"]).removeprefix("Input should be ")
    return f"expected {says}, got {given!r}"


def dotted(path: tuple[Any, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".") or "the file"


def line_of(node: Any, path: tuple[Any, ...]) -> int:
    """Find the line of the deepest node on ``path`` that exists; 0 when not even the first does."""
    line = 0
    for part in path:
        step = None
        if isinstance(node, yaml.MappingNode):
            step = next(((k, v) for k, v in node.value if k.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            step = (node.value[part], node.value[part])
        if step is None:
            return line
        line, node = step[0].start_mark.line + 1, step[1]
    return line


def duplicates(node: Any, name: str, path: tuple[Any, ...] = ()) -> Any:
    """PyYAML lets the last of two equal keys win in silence; each is a mistake here."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield f"{name}:{key.start_mark.line + 1}: {dotted((*path, key.value))}: is given twice"
            seen.add(key.value)
            yield from duplicates(value, name, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from duplicates(value, name, (*path, index))


def yaml_mistake(name: str, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
    return f"{name}{where}: is not YAML: {getattr(error, 'problem', None) or str(error).splitlines()[0]}"


def by_line(mistake: str) -> tuple[int, str]:
    found = re.match(r"[^:]+:(\d+):", mistake)
    return (int(found[1]) if found else 0, mistake)

"""The keys of ``deploy.yml`` as rows of tables, read from its schema."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.render.markdown import flow

Row = tuple[str, str, str, str]


@dataclass(frozen=True)
class KeySection:
    """One section of ``deploy.yml``, by its dotted path, with a row for each of its keys."""

    name: str
    description: str
    rows: tuple[Row, ...]


def key_rows(kind: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[Row, ...]:
    """A row for each key of one section: name, type, default, meaning."""
    required = kind.get("required", ())
    return tuple(
        (
            f"`{name}`",
            _type(value),
            "**required**" if name in required else _default(value),
            flow(value.get("description") or definitions.get(_definition(value), {}).get("description", "")),
        )
        for name, value in kind["properties"].items()
    )


def key_sections(schema: Mapping[str, Any], definitions: Mapping[str, Any], path: str = "") -> Iterator[KeySection]:
    """Every section below ``schema``, in the order of the file."""
    for name, value in schema.get("properties", {}).items():
        definition = _definition(value)
        if definition:
            dotted = f"{path}.{name}".lstrip(".") + {"array": "[]", "object": ".NAME"}.get(value.get("type", ""), "")
            kind = definitions[definition]
            yield KeySection(dotted, kind.get("description", ""), key_rows(kind, definitions))
            yield from key_sections(kind, definitions, dotted)


def _definition(value: Mapping[str, Any]) -> str:
    """The name of the definition that a key, its items or its values refer to."""
    several = (*value.get("allOf", ()), *value.get("anyOf", ()))
    parts = (value, value.get("items", {}), value.get("additionalProperties", {}), *several)
    references = (part["$ref"] for part in parts if isinstance(part, dict) and "$ref" in part)
    return str(next(references, "")).rpartition("/")[2]


def _type(value: Mapping[str, Any]) -> str:
    if "enum" in value:
        return " or ".join(f"`{word}`" for word in value["enum"] if word)
    if "const" in value:
        return f"`{value['const']}`"
    if "anyOf" in value:
        return " or ".join(_type(choice) for choice in value["anyOf"] if choice.get("type") != "null")
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
        plain = all(not isinstance(item, dict) for item in default)
        return ", ".join(f"`{item}`" for item in default) if plain else ""
    if isinstance(default, float):
        return f"`{default:g}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"

"""deploy.yml: a key that nothing reads is a promise that nobody keeps."""

import ast
import functools
import re
from dataclasses import fields
from pathlib import Path

import pytest

from checks import policy
from checks.policy.base import Policy

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = [path for folder in ("checks", "pipeline") for path in (ROOT / folder).rglob("*.py")]
KINDS = [kind for kind in vars(policy).values() if isinstance(kind, type) and issubclass(kind, Policy)]
POLICIES = sorted((kind for kind in KINDS if kind is not Policy), key=lambda kind: kind.__name__)


@functools.cache
def read() -> frozenset[str]:
    """Every attribute that some code or template reads."""
    found = {
        node.attr
        for path in FILES
        if "sandbox" not in path.parts and "policy" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    templates = [path for folder in ("checks", "pipeline") for path in (ROOT / folder).rglob("*.jinja")]
    return frozenset(found.union(*(re.findall(r"\.(\w+)", path.read_text(encoding="utf-8")) for path in templates)))


@pytest.mark.parametrize("kind", POLICIES, ids=lambda kind: kind.__name__)
def test_every_key_of_deploy_yml_is_read_by_something(kind: type) -> None:
    assert not {field.name for field in fields(kind)} - read()  # type: ignore[arg-type]

"""deploy.yml: a key that nothing reads is a promise that nobody keeps."""

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from checks import policy
from checks.policy.base import Policy

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = [path for folder in ("checks", "pipeline") for path in (ROOT / folder).rglob("*.py")]
READ = {
    node.attr
    for path in FILES
    if "sandbox" not in path.parts and "policy" not in path.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
}
TEMPLATES = [path for folder in ("checks", "pipeline") for path in (ROOT / folder).rglob("*.jinja")]
READ |= {name for path in TEMPLATES for name in re.findall(r"\.(\w+)", path.read_text(encoding="utf-8"))}
KINDS = [kind for kind in vars(policy).values() if isinstance(kind, type) and issubclass(kind, Policy)]
POLICIES = sorted((kind for kind in KINDS if kind is not Policy), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", POLICIES, ids=lambda kind: kind.__name__)
def test_every_key_of_deploy_yml_is_read_by_something(kind: type) -> None:
    assert not {field.name for field in fields(kind)} - READ  # type: ignore[arg-type]

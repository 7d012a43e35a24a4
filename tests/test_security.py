"""SECURITY.md claims nothing that no test keeps."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "SECURITY.md"
ROW = re.compile(
    r"^\| ?(?P<what>[^|]*) \| ?(?P<whom>[^|]*) \| (?P<how>[^|]+) \| `(?P<file>tests/[\w/]+\.py)::(?P<test>\w+)` \|$"
)


def rows() -> list[str]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("|") and not line.startswith(("| what |", "|---"))]


def defined_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.parse("")
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_claim_has_a_test_that_exists() -> None:
    assert len(rows()) >= 15
    claims = [(line, ROW.match(line)) for line in rows()]
    assert [line for line, found in claims if not found] == []
    missing = [f for _, f in claims if f and f["test"] not in defined_in(ROOT / f["file"])]
    assert [f"{f['file']}::{f['test']}" for f in missing] == []


def test_no_test_is_claimed_twice() -> None:
    named = [found["test"] for line in rows() if (found := ROW.match(line))]
    assert len(named) == len(set(named))


def test_it_says_what_is_not_protected_and_how_to_report() -> None:
    headings = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("## ")]
    assert headings == ["## How to report", "## What is protected from whom", "## What is not protected"]

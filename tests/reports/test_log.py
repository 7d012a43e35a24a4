"""The log of reports is true: its tests exist, its reports stand there once, and nothing is claimed without a test."""

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LOG = ROOT / "docs/reports.md"
LATER = "to be filled"
ROW = re.compile(
    r"^\| (?P<area>[^|]+) \| (?P<what>[^|]+) \| (?P<report>[^|]+) \| (?P<here>[^|]+) \| ?(?P<test>[^|]*)\|$"
)
LINK = re.compile(r"\[[^]]+\]\((https://[^)\s]+)\)")
FEWEST = 48


def rows() -> list[dict[str, str]]:
    lines = [line for line in LOG.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][1:]
    found = [ROW.match(line) for line in lines]
    assert all(found), [line for line, row in zip(lines, found, strict=True) if not row]
    return [{name: part.strip() for name, part in row.groupdict().items()} for row in found if row]


ROWS = rows()


@functools.cache
def defined_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_there_are_enough_of_them_and_all_vendors_are_among_them() -> None:
    assert len(ROWS) >= FEWEST
    areas = {row["area"] for row in ROWS}
    assert areas >= {"GitHub", "Vercel", "Neon, Prisma", "R2", "Upstash", "NextAuth", "Sentry", "Better Stack"}


def test_every_row_has_a_report_and_none_stands_there_twice() -> None:
    links = [LINK.findall(row["report"]) for row in ROWS]
    assert all(links), [row["what"] for row, found in zip(ROWS, links, strict=True) if not found]
    every = [link.rstrip("/").lower() for found in links for link in found]
    assert sorted({link for link in every if every.count(link) > 1}) == []


@pytest.mark.parametrize("row", ROWS, ids=[LINK.findall(row["report"])[0].split("github.com/")[-1] for row in ROWS])
def test_what_a_row_says_is_kept_by_a_test_that_exists(row: dict[str, str]) -> None:
    here, test = row["here"].partition(":")[0], row["test"]
    assert here in ("works", "was mended", "not yet", LATER)
    if here in ("not yet", LATER):
        assert test == (LATER if here == LATER else ""), "a row that keeps nothing yet names no test"
        return
    path, _, name = test.strip("`").partition("::")
    assert path.startswith("tests/"), test
    assert name in defined_in(ROOT / path)


def test_each_test_of_a_report_names_its_link_and_each_link_leads_here() -> None:
    listed = {link for row in ROWS for link in LINK.findall(row["report"])}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            said = ast.get_docstring(node) or "" if isinstance(node, ast.FunctionDef) else ""
            for link in re.findall(r"https://[^\s,)]+", said):
                assert link in listed, f"{path.name}::{node.name} names a report that the log does not have"
                keeps = {row["test"].strip("`") for row in ROWS if link in row["report"]}
                assert keeps == {f"tests/reports/{path.name}::{node.name}"}, "and it is this test that keeps it"

"""Whether Vercel builds a push stands in ``vercel.json``, as patterns; what is not understood says no to nobody."""

import json
from pathlib import Path

import pytest

from pipeline.clients.pushes import are_left_alone


@pytest.mark.parametrize(
    ("enabled", "branch", "left"),
    [
        (False, "main", True),
        (True, "main", False),
        ({}, "main", False),
        ({"main": False}, "main", True),
        ({"*": False}, "main", True),
        ({"**": False, "main": True}, "main", False),
        ({"main": False, "m*": True}, "main", False),
        ({"*": False}, "release/main", False),
        ({"**": False}, "release/main", True),
        ({"{main,production}": False}, "production", True),
        ({"!main": False}, "main", False),
        ({"!dev": False}, "main", True),
        ({"ma?n": False}, "main", True),
        ({"main.": False}, "main!", False),
        ({"[m]ain": False}, "main", False),
        ({"main": False, "@(main|dev)": True}, "main", False),
        ({"}{": False, "{": False}, "main", False),
        ({"main": 0}, "main", False),
        (None, "main", False),
        ("false", "main", False),
    ],
)
def test_patterns_are_read_as_vercel_reads_them(tmp_path: Path, enabled: object, branch: str, left: bool) -> None:
    (tmp_path / "vercel.json").write_text(json.dumps({"git": {"deploymentEnabled": enabled}}))
    assert are_left_alone(tmp_path, branch) is left


@pytest.mark.parametrize("text", ["", "[]", "{", '{"git": []}', '{"git": null}'])
def test_a_file_that_says_nothing_of_it_leaves_pushes_to_vercel(tmp_path: Path, text: str) -> None:
    assert not are_left_alone(tmp_path, "main")
    (tmp_path / "vercel.json").write_text(text)
    assert not are_left_alone(tmp_path, "main")


@pytest.mark.parametrize(("github", "left"), [({"enabled": False}, True), ({"enabled": True}, False), ("off", False)])
def test_the_older_word_is_about_all_branches(tmp_path: Path, github: object, left: bool) -> None:
    (tmp_path / "vercel.json").write_text(json.dumps({"github": github, "git": {"deploymentEnabled": {"main": True}}}))
    assert are_left_alone(tmp_path, "main") is left


@pytest.mark.parametrize(
    ("program", "left"),
    [
        ("export const config = { git: { deploymentEnabled: false } };", True),
        ("export const config = { git: { deploymentEnabled: { main: false } } };", True),
        ("export const config = { git: { deploymentEnabled: { dev: false } } };", False),
        ("export const config = { git: { deploymentEnabled: pushes() } };", False),
    ],
)
def test_a_program_in_its_place_is_understood_where_it_writes_it_out(tmp_path: Path, program: str, left: bool) -> None:
    (tmp_path / "vercel.ts").write_text(program)
    assert are_left_alone(tmp_path, "main") is left
    (tmp_path / "vercel.json").write_text("{}")
    assert not are_left_alone(tmp_path, "main"), "the file of the plainer kind is the one"

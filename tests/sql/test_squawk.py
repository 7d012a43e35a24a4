"""What squawk says of the corpus, and that each disagreement with it is explained."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .corpus import CASES, Case

# Rules about taste, or about what a whole project sets once: they say nothing about the danger of a statement.
STYLE = {"ban-char-field", "require-timeout-settings", "require-lock-timeout", "require-statement-timeout"}


def complains(case: Case) -> bool:
    """Whether squawk has more than style to object to."""
    return any(not rule.startswith("prefer-") and rule not in STYLE for rule in case.squawk)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The rules squawk finds broken, by the case's name."""
    squawk = shutil.which("squawk", path=str(Path(sys.executable).parent)) or shutil.which("squawk")
    if not squawk:
        pytest.skip("squawk is not installed (pip install squawk-cli)")
    directory = tmp_path_factory.mktemp("squawk")
    for case in CASES:
        (directory / f"{case.name}.sql").write_text(case.sql)
    files = [f"{case.name}.sql" for case in CASES]
    run = subprocess.run(
        [squawk, "--reporter", "json", *files], cwd=directory, capture_output=True, text=True, check=False
    )
    rules: dict[str, set[str]] = {case.name: set() for case in CASES}
    for problem in json.loads(run.stdout):
        rules[problem["file"].removesuffix(".sql")].add(problem["rule_name"])
    return {name: sorted(broken) for name, broken in rules.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_squawk_says_what_is_recorded(case: Case, said: dict[str, list[str]]) -> None:
    """The recorded list is squawk's, with its default rules."""
    assert said[case.name] == case.squawk


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_disagreements_are_explained(case: Case) -> None:
    """There is a reason where squawk and the corpus disagree, and only there."""
    assert bool(case.differs) == (complains(case) == (case.stops == "never"))

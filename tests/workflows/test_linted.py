"""The workflows are linted by what others lint theirs with; each exception says why, in a comment beside it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.workflows.runner import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def tool(name: str) -> str:
    return shutil.which(name) or str(ROOT / ".venv-runner" / "bin" / name)


def said(words: list[str], folder: Path = ROOT) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def needs(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not Path(tool(name)).is_file(), reason=f"there is no {name}: ./inv test --wide")


@pytest.mark.wide
@needs("actionlint")
def test_actionlint_has_nothing_to_say_of_the_workflows() -> None:
    assert not said([tool("actionlint"), "-no-color", *map(str, WORKFLOWS)])


@pytest.mark.wide
@needs("actionlint")
def test_actionlint_does_see_a_mistake(tmp_path: Path) -> None:
    text = (ROOT / ".github/workflows/deploy.yml").read_text(encoding="utf-8")
    (tmp_path / "deploy.yml").write_text(text.replace("steps.begins.outcome", "steps.begin.outcome"), encoding="utf-8")
    assert 'property "begin" is not defined' in said([tool("actionlint"), "-no-color", str(tmp_path / "deploy.yml")])


@pytest.mark.wide
@needs("zizmor")
def test_zizmor_has_nothing_to_say_of_the_workflows_and_the_action_however_pedantic() -> None:
    assert not said([tool("zizmor"), "--pedantic", "--offline", "--no-progress", ".github/workflows", "action.yml"])


@pytest.mark.wide
@needs("zizmor")
def test_zizmor_does_see_a_mistake(tmp_path: Path) -> None:
    text = (ROOT / ".github/workflows/rollback.yml").read_text(encoding="utf-8")
    (tmp_path / "rollback.yml").write_text(text.replace('--to="$TO"', "--to=${{ inputs.to }}"), encoding="utf-8")
    words = [tool("zizmor"), "--pedantic", "--offline", "--no-progress", str(tmp_path / "rollback.yml")]
    assert "template-injection" in said(words)

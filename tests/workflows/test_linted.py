"""The workflows are linted by what others lint theirs with; each exception says why, in a comment beside it."""

import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest
import yaml

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


CALLS = re.compile(r"uses: OWNER/NAME/\.github/workflows/(?P<name>[\w-]+)\.yml@")


def test_the_workflows_that_a_page_shows_fit_those_that_they_call() -> None:
    """A caller that grants less than the called job wants does not start at all, and no linter here sees both files."""
    page = (ROOT / "docs/adopting.md").read_text(encoding="utf-8")
    shown = [textwrap.dedent(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.S) if CALLS.search(block)]
    assert [CALLS.findall(text) for text in shown] == [["ship"], ["call-rollback"], ["call-monitor"]]
    for text in shown:
        (job,), (name,) = yaml.safe_load(text)["jobs"].values(), CALLS.findall(text)
        called = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text(encoding="utf-8"))
        (there,) = called["jobs"].values()
        assert job["permissions"] == there["permissions"]
        assert {"tool", "commit"} <= set(job["with"]) <= set(called[True]["workflow_call"]["inputs"])
        assert len(text.splitlines()) <= 10

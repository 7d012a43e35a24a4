"""The templates are linted as what they are, and what is made of them has nothing of a template left in it."""

import json
import re
from pathlib import Path
from typing import Literal

import pytest
import yaml
from jinja2 import UndefinedError

import tasks
from checks.policy import BuildPolicy
from pipeline.config import load
from pipeline.config.tools import pinned_vercel
from pipeline.definitions.checklists import CHECKLISTS
from pipeline.definitions.deploy import DEPLOY
from pipeline.documents.pages.workflow import (
    Setting,
    check_workflow,
    drill_workflow,
    monitor_workflow,
    rollback_workflow,
    workflow,
)
from pipeline.documents.site.build import build
from pipeline.documents.templates import FOLDERS, environment, filled
from pipeline.documents.writing import Sources, generated, pages
from pipeline.engine.uses import Needs
from pipeline.session.asking import READERS

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATES = {path.name: path for folder in FOLDERS for path in sorted(folder.glob("*.jinja"))}
NEEDS = Needs(READERS)
WAYS: tuple[Literal["prebuilt", "git", "cli"], ...] = ("prebuilt", "git", "cli")
WORKFLOWS = {
    **{f"deploy, {by}": workflow(DEPLOY, NEEDS, Setting(build=BuildPolicy(by=by))) for by in WAYS},
    "rollback": rollback_workflow(Setting()),
    "monitor": monitor_workflow(CHECKLISTS.values(), NEEDS, Setting()),
    "drill": drill_workflow(),
    "check": check_workflow(),
}
GENERATED = generated(Sources(load(ROOT / "deploy.yml"), ROOT, tasks.command_words()))
DELIMITERS = re.compile(r"\[\[|\]\]|\[%|%\]|\[#|#\]|^\s*#%", re.MULTILINE)


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_compiles(name: str) -> None:
    assert environment().get_template(name)


def test_every_template_has_a_kind_and_no_name_twice() -> None:
    assert len(TEMPLATES) == sum(len(list(folder.iterdir())) for folder in FOLDERS)
    assert {path.suffixes[-2] for path in TEMPLATES.values()} == {".md", ".yml", ".html"}


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name.endswith(".yml.jinja")])
def test_the_template_of_a_workflow_is_yaml_itself(name: str) -> None:
    assert yaml.compose(TEMPLATES[name].read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_is_yaml_without_anything_left_of_its_template(name: str) -> None:
    made = yaml.safe_load(WORKFLOWS[name])
    assert made["jobs"]
    assert all(step.get("run") or step.get("uses") for job in made["jobs"].values() for step in job["steps"])
    assert not DELIMITERS.findall(WORKFLOWS[name])


@pytest.mark.parametrize("name", [name for name in GENERATED if name.endswith(".md")])
def test_a_page_has_nothing_left_of_its_template(name: str) -> None:
    assert not DELIMITERS.findall(re.sub(r"`[^`\n]*`", "", GENERATED[name]))


def test_no_python_file_writes_an_expression_of_github() -> None:
    for path in (ROOT / "pipeline" / "documents").rglob("*.py"):
        assert "${{" not in path.read_text(encoding="utf-8"), path


def test_a_fact_that_nobody_gave_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="minutes"):
        filled("deploy.yml", notice="", checkout="", cache="", stages=(), undo=(), setting=Setting())


def test_what_others_wrote_is_inert_on_the_site() -> None:
    page = '# <script>alert(1)</script>\n\n## A "quoted" & <b>bold</b> heading\n\n<img src=x onerror=alert(1)>\n'
    for name, text in build(pages(GENERATED) | {"deployment-runbook.md": page}).items():
        if name.endswith(".html"):
            assert "<script>alert" not in text
            assert "<img src=x" not in text
            assert "<b>bold" not in text


def test_the_vercel_cli_is_pinned_once() -> None:
    """In the package.json whose lock file the workflow installs and the tests drive; the policy is filled from it."""
    pinned = pinned_vercel()
    assert (
        json.loads((ROOT / "vercel-cli/package-lock.json").read_text(encoding="utf-8"))["packages"][
            "node_modules/vercel"
        ]["version"]
        == pinned
    )
    assert load(ROOT / "deploy.yml").policies["production"].build.version == pinned
    named = [*(ROOT / "checks").rglob("*.py"), *(ROOT / "pipeline").rglob("*.py"), *(ROOT / "tests").glob("*/*.py")]
    named += [*(ROOT / "tests").glob("*/package.json"), *(ROOT / ".github/workflows").iterdir(), ROOT / "deploy.yml"]
    assert not [path for path in named if pinned in path.read_text(encoding="utf-8")]


def test_every_package_of_the_locked_cli_has_its_hash() -> None:
    packages = json.loads((ROOT / "vercel-cli/package-lock.json").read_text(encoding="utf-8"))["packages"]
    loose = [
        name
        for name, one in packages.items()
        if name and not one.get("inBundle") and not one.get("integrity", "").startswith("sha512-")
    ]
    assert not loose


def test_no_workflow_runs_what_no_lock_file_names() -> None:
    for name, text in WORKFLOWS.items():
        assert not re.search(r"npx|npm (i|install)\b|pip install|curl .*\| *(ba)?sh", text), name

"""The templates are linted as what they are, and what is made of them has nothing of a template left in it."""

import json
import re
from pathlib import Path

import pytest
import yaml
from jinja2 import UndefinedError

import tasks
from checks.policy import BuildPolicy
from pipeline.config import load
from pipeline.definitions.deploy import DEPLOY
from pipeline.documents.pages.workflow import drill_workflow, monitor_workflow, rollback_workflow, workflow
from pipeline.documents.site.build import build
from pipeline.documents.templates import FOLDERS, environment, filled
from pipeline.documents.writing import Sources, generated, pages

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATES = {path.name: path for folder in FOLDERS for path in sorted(folder.glob("*.jinja"))}
WORKFLOWS = {
    **{f"deploy, {by}": workflow(DEPLOY, ("GITHUB_TOKEN",), BuildPolicy(by=by)) for by in ("prebuilt", "git", "cli")},
    "rollback": rollback_workflow(),
    "monitor": monitor_workflow(("VERCEL_TOKEN",)),
    "drill": drill_workflow(),
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
        filled("deploy.yml", notice="", checkout="", stages=(), secrets=(), build=BuildPolicy())


def test_what_others_wrote_is_inert_on_the_site() -> None:
    page = '# <script>alert(1)</script>\n\n## A "quoted" & <b>bold</b> heading\n\n<img src=x onerror=alert(1)>\n'
    for name, text in build(pages(GENERATED) | {"deployment-runbook.md": page}).items():
        if name.endswith(".html"):
            assert "<script>alert" not in text
            assert "<img src=x" not in text
            assert "<b>bold" not in text


def test_the_vercel_cli_is_pinned_once() -> None:
    """The policy says which; the tests drive the same one, and the workflow installs it."""
    pinned = BuildPolicy().version
    assert json.loads((ROOT / "tests/npm/package.json").read_text(encoding="utf-8"))["dependencies"]["vercel"] == pinned
    assert set(re.findall(r"vercel@([\w.]+)", GENERATED[".github/workflows/deploy.yml"])) == {pinned}
    other = workflow(DEPLOY, (), BuildPolicy(by="cli", version="65.1.0"))
    assert re.findall(r"vercel@([\w.]+)", other) == ["65.1.0"]
    sources = [path for path in (ROOT / "pipeline").rglob("*.py") if "sandbox" not in path.parts]
    assert not [path for path in (*sources, ROOT / "deploy.yml") if pinned in path.read_text(encoding="utf-8")]

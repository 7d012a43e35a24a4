"""What the real Vercel command line deployed is moved by us, and the other way round."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.vendors.world import CLI, QUIET, needs_npm
from tests.whole.test_process import Checkout, Up, checkout, outcome, up

pytestmark = [pytest.mark.wide, pytest.mark.process, needs_npm]
__all__ = ["checkout", "up"]  # fixtures


def vercel(up: Up, folder: Path, *words: str) -> str:
    """The real command line; what it prints on stdout."""
    at = up.said["vercel"]
    done = subprocess.run(
        ["node", str(CLI), *words, "--api", at["url"], "--token", at["token"]],
        cwd=folder, env={"PATH": os.environ["PATH"], "HOME": str(folder.parent), **QUIET},
        capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def released(up: Up, into: Path) -> Path:
    """A copy of the example release, linked to the project."""
    made = up.ask("control", "/releases", "POST", {"name": "good"})
    shutil.copytree(made["folder"], into)
    return into


def id_of(up: Up, address: str) -> str:
    return str(up.ask("vercel", f"/v13/deployments/{address.partition('://')[2]}")["id"])


def test_what_the_command_line_promoted_is_rolled_back_by_us(checkout: Checkout, up: Up, tmp_path: Path) -> None:
    before, folder = up.serves(), released(up, tmp_path / "release")
    staged = vercel(up, folder, "deploy", "--prebuilt", "--prod", "--skip-domain", "--yes")
    assert up.serves() == before
    vercel(up, folder, "promote", staged, "--yes")
    assert up.serves() == id_of(up, staged)
    told = json.loads(checkout.run("rollback", "--target", "sandbox", "--json").splitlines()[0])
    assert (told["outcome"], told["state"]) == ("rolled back", "recovered")
    assert up.serves() == before


def test_what_we_promoted_is_rolled_back_and_promoted_again_by_the_command_line(
    checkout: Checkout, up: Up, tmp_path: Path
) -> None:
    before, folder = up.serves(), released(up, tmp_path / "release")
    assert outcome(checkout.run("deploy", "--json")) == "deployed"
    ours = up.serves()
    assert ours != before
    vercel(up, folder, "rollback", before, "--yes")
    assert up.serves() == before
    assert "pinned    yes" in checkout.run("status"), "we see that somebody else rolled back"
    assert "pinned by an earlier rollback" in checkout.run("deploy", expect=1)
    vercel(up, folder, "promote", ours, "--yes")
    assert up.serves() == ours
    assert "pinned    no" in checkout.run("status")


def test_what_the_command_line_staged_is_rolled_back_to_by_us_only_when_it_was_live(
    checkout: Checkout, up: Up, tmp_path: Path
) -> None:
    before, folder = up.serves(), released(up, tmp_path / "release")
    staged = id_of(up, vercel(up, folder, "deploy", "--prebuilt", "--prod", "--skip-domain", "--yes"))
    assert "is no deployment that" in checkout.run("rollback", "--target", "sandbox", "--to", staged, expect=2)
    assert up.serves() == before

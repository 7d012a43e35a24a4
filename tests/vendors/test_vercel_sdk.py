"""Vercel's own SDK against the sandbox: it checks every answer against the vendor's description of it."""

import os
import subprocess

import pytest

from tests.vendors.world import HERE, LONGEST, SDK, World, lines_of, needs_npm

pytestmark = [pytest.mark.wide, pytest.mark.process, needs_npm]
SCRIPT = HERE / "vercel_sdk.mjs"


def test_the_sdk_understands_every_answer(world: World):
    commit = world.control("/releases", {"name": "good"})["commit"]
    environment = {
        "PATH": os.environ["PATH"], "API": world.urls["vercel"], "TOKEN": world.tokens["vercel"],
        "TEAM": world.team, "PROJECT": world.project, "PRODUCTION": world.urls["production"][7:], "COMMIT": commit,
    }  # fmt: skip
    done = subprocess.run(
        ["node", str(SCRIPT), str(SDK)], env=environment, capture_output=True, text=True, timeout=LONGEST
    )
    assert done.returncode == 0, done.stderr
    asked = lines_of(done.stdout)
    wrong = [f"{one['operation']}: {one['says']}" for one in asked if not one["ok"]]
    assert not wrong, "\n\n".join(wrong)
    assert len(asked) == SCRIPT.read_text().count('ask("'), "the script ended early"

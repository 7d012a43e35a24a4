"""What is read in the sandbox of one's own app, where some of what surrounds a release is only played."""

import asyncio
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from checks.evidence import LiveSchema, PlannedChanges
from checks.policy import AuthPolicy, DatabasePolicy
from checks.sql import ASKS_LIVE
from pipeline.clients.pages import PageAnswer
from pipeline.probes.database import live_schema
from pipeline.probes.stores import auth_endpoints
from pipeline.world.world import World
from tests.stage import InProcess

GIT = ("git", "-c", "user.email=a@b.example", "-c", "user.name=a")


BACK = {
    "credentials": {"callbackUrl": "{site}/api/auth/callback"},
    "mail": {"callbackUrl": "https://elsewhere.example"},
}


@pytest.mark.parametrize(("own", "theirs"), [(True, ()), (False, ("http://localhost:4308",))])
def test_the_name_that_next_gives_this_machine_is_the_sites_in_the_sandbox(own: bool, theirs: tuple[str, ...]) -> None:
    class Visitor:
        async def get(self, url: str) -> PageAnswer:
            body = json.dumps(BACK).replace("{site}", "http://localhost:4308")
            return PageAnswer(url, 200, 1, body)

    world = SimpleNamespace(domain="127.0.0.1:4308", own=own, visitor=Visitor())
    found = asyncio.run(auth_endpoints(cast(World, world), AuthPolicy()))
    assert found.addresses == (*theirs, "https://elsewhere.example")


@pytest.mark.skipif(not shutil.which("git"), reason="there is no git")
def test_what_live_code_reads_is_in_the_commit_on_this_machine(inside: InProcess) -> None:
    release = inside.release()
    folder = Path(release.folder)
    for words in (["init", "-q"], ["add", "prisma"], ["commit", "-q", "-m", "live"]):
        subprocess.run([*GIT, *words], cwd=folder, check=True, capture_output=True)
    head = subprocess.run([*GIT, "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True)
    vercel = inside.sandbox.state.vercel
    vercel.deployments[vercel.production].meta["githubCommitSha"] = head.stdout.strip()
    planned = cast(PlannedChanges, SimpleNamespace(changes=(SimpleNamespace(rule=next(iter(ASKS_LIVE))),)))

    def seen(own: bool) -> LiveSchema:
        async def go() -> LiveSchema:
            async with inside.world(release) as world:
                return await live_schema(replace(world, own=own), DatabasePolicy(), planned)

        return asyncio.run(go())

    assert "is not in" in seen(own=False).says
    assert {"User", "Course"} <= {table.name for table in seen(own=True).tables}

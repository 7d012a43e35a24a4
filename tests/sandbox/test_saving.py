import json

import pytest

from pipeline.sandbox.core import Core
from pipeline.sandbox.ports import FIRST, SERVICES, SLOTS, Ports
from pipeline.sandbox.postgres import Database
from pipeline.sandbox.sandbox import Sandbox
from pipeline.sandbox.saving import Saved, patch
from tests.sandbox import fixtures
from tests.sandbox.fixtures import create


def again(sandbox: Sandbox, clock) -> Sandbox:
    core: Core = sandbox.core
    return Sandbox(core.home, Database(core.database_url), now=clock.now, sleep=clock.sleep)


def test_a_new_sandbox_in_the_same_home_goes_on_where_the_old_one_was(sandbox, clock, play):
    async def scenario(services):
        made = await create(services, sandbox)
        clock.tick(1)
        await services["vercel"].post(f"/v10/projects/{sandbox.state.vercel.project}/promote/{made['id']}")
        sandbox.inject("github cut times=3")
        other = again(sandbox, clock)
        assert json.dumps(other.state, default=vars) == json.dumps(sandbox.state, default=vars)
        assert other.description() == sandbox.description()
        clock.tick(1)
        async with fixtures.services_of(other) as theirs:
            health = await theirs["production"].get("/api/health/db")
            assert health.json()["deployment"] == made["id"]

    play(scenario)


def test_what_was_answered_was_saved_before(sandbox, clock, play):
    async def scenario(services):
        seen = []

        async def looking(message) -> None:
            if message["type"] == "http.response.start":
                seen.append(json.loads((sandbox.core.home / "state.json").read_text())["notices"])

        async def receive():
            return {"type": "http.request", "body": b'{"text": "hi"}', "more_body": False}

        scope = {
            "type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": [],
            "server": ("127.0.0.1", sandbox.core.ports.of("notify")),
        }  # fmt: skip
        await sandbox(scope, receive, looking)
        assert [one["body"] for one in seen[0]] == [{"text": "hi"}]

    play(scenario)


def test_no_address_is_in_the_file(sandbox):
    text = (sandbox.core.home / "state.json").read_text()
    assert "127.0.0.1" not in text
    assert "postgresql://" not in text


def test_addresses_follow_the_ports(sandbox, play):
    moved = Ports(tuple(range(FIRST + 1000, FIRST + 1000 + len(SERVICES) + SLOTS)))

    async def scenario(services):
        sandbox.core.ports = moved
        sandbox.state.vercel.most_listed = 100
        async with fixtures.services_of(sandbox) as theirs:
            assert (await theirs["production"].get("/api/health/db")).status_code == 200
            listed = await theirs["vercel"].get("/v6/deployments")
            assert {one["url"] for one in listed.json()["deployments"]} == {moved.slot_host(0), moved.slot_host(1)}

    play(scenario)


def test_a_half_written_file_is_never_read(tmp_path, sandbox):
    saved = Saved(tmp_path / "state.json")
    saved.save(sandbox.state)
    (tmp_path / "state.new").write_text('{"half')
    assert Saved(tmp_path / "state.json").load() == sandbox.state


def test_patch_sets_nested_fields_and_names_unknown_ones(sandbox):
    patch(sandbox.state, {"vercel": {"auto_assign": False}, "betterstack": {"maintenance": True}})
    assert (sandbox.state.vercel.auto_assign, sandbox.state.betterstack.maintenance) == (False, True)
    patch(sandbox.state, {"github": {"dependabot": [{"number": 1, "severity": "high", "summary": "x", "at": 1.0}]}})
    assert sandbox.state.github.dependabot[0].state == "open"
    with pytest.raises(ValueError, match="colour: Vercel has"):
        patch(sandbox.state, {"vercel": {"colour": "red"}})

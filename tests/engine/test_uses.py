"""Which secrets a stage needs is read from the code; here from what the code does when it runs."""

import asyncio
import base64
import dataclasses
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from checks.evidence import Release
from checks.outcome import Outcome
from pipeline.clock import SystemClock
from pipeline.config import load
from pipeline.definitions.deploy import DEPLOY
from pipeline.engine.plan import Stage, inputs_of
from pipeline.engine.uses import Needs, clients_of
from pipeline.errors import Unreachable
from pipeline.probes.every import PROBES
from pipeline.record.journal import Event
from pipeline.session.asking import READERS
from pipeline.session.needs import to_settle, to_ship
from pipeline.session.session import Order
from pipeline.world.opening import for_commands, open_settings, open_world
from pipeline.world.secrets import OPENED_WITH, OPTIONAL, SECRETS
from pipeline.world.settings import Settings
from pipeline.world.world import World
from tests.stage import InProcess

ROOT = Path(__file__).resolve().parent.parent.parent
NEEDS = Needs(READERS)
SAID = {
    "DIRECT_URL": "postgresql://a:canary-DIRECT_URL@127.0.0.1/a",
    "UPSTASH_REDIS_REST_URL": "https://canary-UPSTASH_REDIS_REST_URL.example.com",
    "R2_ENDPOINT": "https://canary-R2_ENDPOINT.example.com",
}


def stage(name: str) -> Stage:
    return next(one for one in DEPLOY.stages if one.name == name)


def canary(name: str) -> str:
    return SAID.get(name, f"canary-{name}")


def within(value: Any, seen: set[int]) -> str:
    """All text that is reachable from a value through its attributes and elements."""
    if id(value) in seen or isinstance(value, type | httpx.AsyncClient | SystemClock):
        return ""
    seen.add(id(value))
    if isinstance(value, str | bytes):
        text = value if isinstance(value, str) else value.decode(errors="replace")
        return base64.b64decode(text[6:]).decode() if text.startswith("Basic ") else text
    inner: list[Any] = (
        [*value.keys(), *value.values()] if isinstance(value, dict) else []
    )  # no pair, whose id is another's soon
    if isinstance(value, tuple | list | set | frozenset):
        inner = list(value)
    inner += [getattr(value, name, None) for name in getattr(value, "__slots__", ())]
    inner += list(vars(value).values()) if hasattr(value, "__dict__") and not callable(value) else []
    return " ".join(within(one, seen) for one in inner)


def test_the_table_says_which_client_is_opened_with_which_secret() -> None:
    config = load(ROOT / "deploy.yml")
    target = config.file.targets["production"]
    secrets = {name: canary(name) for name in (*SECRETS, *OPTIONAL)}
    policies = config.policies["production"].by_type()
    settings = Settings(
        "production", "production", "lms", "team", "lms.example.com", target.services, secrets, policies
    )

    async def held() -> dict[str, set[str]]:
        async with open_world(settings, Release("", "."), "r1", SystemClock()) as world:
            texts = {one.name: within(getattr(world, one.name), set()) for one in dataclasses.fields(world)}
        return {field: {name for name in secrets if f"canary-{name}" in text} for field, text in texts.items()}

    found = {field: names for field, names in asyncio.run(held()).items() if names}
    assert found == {field: set(names) for field, names in OPENED_WITH.items()}


@pytest.mark.parametrize("example", ["good", "broken-login", "drops-column"])
def test_no_stage_uses_a_client_whose_secrets_it_was_not_given(
    example: str, inside: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: dict[str, set[str]] = defaultdict(set)
    now, whole = ["preflight"], World.__getattribute__

    def noted(world: World, name: str) -> Any:
        if name in OPENED_WITH:
            used[now[0]].add(name)
        return whole(world, name)

    def follow(event: Event) -> None:
        now[0] = event.subject if event.kind == "stage begins" else now[0]

    monkeypatch.setattr(World, "__getattribute__", noted)
    inside.listeners.append(follow)
    inside.deploy(example)
    assert {"vercel", "github"} <= used["preflight"], "it was followed"
    for name, clients in used.items():
        needed = {secret for client in clients for secret in OPENED_WITH[client]}
        assert needed <= set(NEEDS.of_stage(DEPLOY, stage(name))), name


def test_a_release_that_is_taken_back_needs_what_going_back_takes(
    inside: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: set[str] = set()
    now, whole = [""], World.__getattribute__

    def noted(world: World, name: str) -> Any:
        if name in OPENED_WITH and now[0] == "going back":
            used.add(name)
        return whole(world, name)

    inside.listeners.append(lambda event: now.__setitem__(0, "going back" if event.kind == "going back" else now[0]))
    fault = "app answer status=500 /api/auth/session where=production"
    inside.at_stage("watch", lambda: inside.sandbox.inject(fault))
    monkeypatch.setattr(World, "__getattribute__", noted)
    outcome, report = inside.deploy()
    assert outcome in (Outcome.ROLLED_BACK, Outcome.STRANDED), report.reason
    assert "vercel" in used
    assert {secret for client in used for secret in OPENED_WITH[client]} <= set(NEEDS.of_undoing(DEPLOY))


def test_settling_is_given_what_clearing_away_a_killed_rehearsal_takes() -> None:
    assert "NEON_API_KEY" not in NEEDS.of_undoing(DEPLOY)
    assert {"NEON_API_KEY", "VERCEL_TOKEN"} <= set(to_settle(load(ROOT / "deploy.yml"), "production"))


def test_every_probe_is_understood_down_to_the_fields_it_reads() -> None:
    fields = {one.name for one in dataclasses.fields(World)} | {"folder", "site"}
    for probe in PROBES:
        found = clients_of(probe)
        assert found <= fields, probe
        if not found:
            assert not inputs_of(probe), f"{probe.__name__} asks nobody"


def test_a_later_stage_begins_with_its_own_secrets_and_the_first_with_all() -> None:
    config = load(ROOT / "deploy.yml")
    assert set(to_ship(config, Order("production"))) == set(SECRETS)
    assert set(to_ship(config, Order("production", stage="preflight"))) == set(SECRETS)
    assert "GITHUB_TOKEN" not in set(to_ship(config, Order("production", stage="migrate")))
    several = set(to_ship(config, Order("production", stage="migrate", before="promote")))
    assert several > set(to_ship(config, Order("production", stage="migrate")))
    assert "VERCEL_TOKEN" in set(to_settle(config, "production"))


def test_what_a_stage_was_not_given_is_said_when_it_is_asked_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without its address libpq would look for a database on this machine, and find somebody else's."""
    for name in (*SECRETS, *OPTIONAL):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VERCEL_TOKEN", "t")
    text = (ROOT / "deploy.yml").read_text(encoding="utf-8").replace("team_REPLACE_ME", "team_lms")
    (tmp_path / "deploy.yml").write_text(text, encoding="utf-8")
    config = load(tmp_path / "deploy.yml")

    async def ask() -> None:
        with open_settings(config, "production", tmp_path, ("VERCEL_TOKEN",)) as settings:
            async with open_world(settings, Release("", "."), "r1", SystemClock()) as world:
                with pytest.raises(Unreachable, match="its URL is not set"):
                    await world.database.facts()
                with pytest.raises(Unreachable, match="its URL is not set"):
                    await world.scratch.facts()

    asyncio.run(ask())


def test_a_command_of_a_vendor_is_given_no_secret_but_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*SECRETS, *OPTIONAL, "JOURNAL_URL", "OURS"):
        monkeypatch.setenv(name, f"canary-{name}")
    given = for_commands(hide=("OURS",), VERCEL_TOKEN="t")
    assert "canary-" not in str(given)
    assert given["VERCEL_TOKEN"] == "t"
    assert "VERCEL_TOKEN" not in for_commands(VERCEL_TOKEN=""), "an empty token is worse than none"

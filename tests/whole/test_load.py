"""A release that is promoted, and one that is taken back, while users go on with what they do."""

import asyncio
import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx
import pytest

from checks.evidence import Release
from checks.outcome import Outcome
from checks.policy import DeclaredJourney, JourneyStep, SmokePolicy
from pipeline.clients.visitor import Visitor
from pipeline.clock import SystemClock, origin
from pipeline.commands.load import keep_in_runs, load_text, put_load
from pipeline.config import load as load_config
from pipeline.errors import Mistake
from pipeline.probes.load import Load, Second, load
from pipeline.record.journal import Journal
from pipeline.record.sqlite import SqliteStore
from pipeline.redact import Redactor
from pipeline.world.world import World
from tests.stage import ROOT, InProcess
from tests.whole.test_hearing import pour

USERS = 3


class Users:
    """Some who do the declared journeys in the loop of the run itself, from one of its stages on."""

    def __init__(self, inside: InProcess) -> None:
        policy = inside.settings.policies[SmokePolicy]
        secrets = {name: inside.settings.secrets[name] for name in policy.variables}
        visitor = Visitor(lambda: httpx.AsyncClient(transport=inside.wire), SystemClock(), secrets)
        self._world = cast(World, SimpleNamespace(visitor=visitor, clock=SystemClock()))
        self._site, self._policy = origin(inside.settings.domain), policy
        self._task: asyncio.Task[Load] | None = None

    def come(self) -> None:
        self._over = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(
            load(self._world, self._site, self._policy, USERS, self._over)
        )

    async def leave(self) -> Load:
        assert self._task, "they never came"
        self._over.set()
        return await self._task


def deployed(inside: InProcess, users: Users, release: Release) -> tuple[Outcome, Load]:
    """How the run ended, and what the users met from their coming until then."""

    async def go() -> tuple[Outcome, Load]:
        async with inside.world(release) as world:
            return await inside.runner(world, inside.journal("r1")).run(), await users.leave()

    return asyncio.run(go())


@pytest.mark.parametrize("taken_back", [False, True], ids=["promoted", "taken back"])
def test_not_one_journey_fails_while_a_release_is_promoted_or_taken_back(inside: InProcess, taken_back: bool) -> None:
    users, release = Users(inside), inside.release()
    inside.sandbox.patch({"sentry": {"prefix": "", "baseline": 0}})
    inside.at_stage("migrate", users.come)
    if taken_back:
        inside.at_stage("watch", pour(inside, release.commit, "production"))
    outcome, found = deployed(inside, users, release)
    assert outcome is (Outcome.ROLLED_BACK if taken_back else Outcome.DEPLOYED), inside.report().reason
    assert found.failures == ()
    assert found.failed == 0
    assert found.done > 3 * USERS, "they were there before and after production moved"


def test_what_users_met_is_counted_by_the_second_with_the_reason() -> None:
    asked = list[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if len(asked) == 40:
            over.set()
        return httpx.Response(500 if 10 <= len(asked) < 20 else 200, text="Lessons")

    visitor = Visitor(lambda: httpx.AsyncClient(transport=httpx.MockTransport(answer)), SystemClock())
    world = cast(World, SimpleNamespace(visitor=visitor, clock=SystemClock()))
    policy = SmokePolicy(journeys=(DeclaredJourney("course", steps=(JourneyStep("/courses/1"),)),))
    over = asyncio.Event()
    found = asyncio.run(load(world, "https://shop.example", policy, USERS, over))
    assert found.done >= 40
    assert sum(second.failed for second in found.seconds) == found.failed == 10
    assert {(one.name, one.failed_at) for one in found.failures} == {("course", "GET /courses/1")}
    said = load_text(found)
    assert "10 failed\n  course fails at GET /courses/1: answered 500; it reads 'Lessons'" in said


def test_what_users_met_while_a_run_went_on_is_in_its_report(tmp_path: Path) -> None:
    store, began = SqliteStore(tmp_path / "journal.db"), datetime.datetime(2026, 11, 29, 10, tzinfo=datetime.UTC)

    def run(id: str, first: float, last: float, target: str = "sandbox") -> None:
        seconds = iter((first, last))
        journal = Journal(store, id, lambda: began + datetime.timedelta(seconds=next(seconds)), Redactor())
        journal.append(
            "run begins", target=target, pipeline="deploy", commit="c0ffee", by="ada", production="https://x"
        )
        journal.append("run ended", outcome="deployed", reason="")

    for id, first, last in (("before", -60, -30), ("during", 1.5, 3.5), ("after", 90, 95)):
        run(id, first, last)
    run("elsewhere", 0, 9, "production")
    seconds = tuple(Second(at, 10 + at, int(at == 3), 20) for at in range(6))
    assert keep_in_runs(store, "sandbox", began, Load(seconds)) == ("during",)
    rows = store.execute("select run, metric, value from deploy_samples order by at, metric")
    assert rows == [
        ("during", name, value)
        for at in (2, 3)
        for name, value in (("users.failed", float(at == 3)), ("users.journeys", 10.0 + at), ("users.p95_ms", 20.0))
    ]


def test_load_is_put_on_a_sandbox_alone() -> None:
    with pytest.raises(Mistake, match="--target production: load is put on a sandbox alone"):
        put_load(load_config(ROOT / "deploy.yml"), "production", ROOT, print, users=1, seconds=1)

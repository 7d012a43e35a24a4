"""Status, logs and bisect: questions that change nothing."""

import asyncio
import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from checks.outcome import Outcome
from checks.policy import BuildPolicy
from pipeline.clients.vercelshapes import Deployment, LogLine
from pipeline.emergency.aftermath import Aftermath, aftermath
from pipeline.emergency.steps import Returned, State, return_to_previous
from pipeline.errors import Mistake
from pipeline.render.logs import log_text
from pipeline.render.status import status_text
from pipeline.session import status as looking
from pipeline.session.bisecting import Judgement, between, most_questions, search
from pipeline.session.logs import Filter, filter_of, matching, moment, readable
from tests.stage import InProcess

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)


def status(inside: InProcess, **about: Any) -> looking.TargetStatus:
    async def go() -> looking.TargetStatus:
        async with inside.world(inside.release()) as world, httpx.AsyncClient(transport=inside.wire) as http:
            asked = looking.StatusReading("sandbox", inside.settings.domain, "/api/health/db", BuildPolicy(), **about)
            return await looking.look(world.vercel, http, asked)

    return asyncio.run(go())


def test_status_says_what_serves_since_when_and_who_put_it_there(inside: InProcess) -> None:
    _, report = inside.deploy()
    seen = status(inside, lock="run r9")
    assert seen.live
    assert seen.live.id == report.staged["id"]
    assert seen.well
    assert seen.pinned is False
    text = status_text(seen)
    assert "by dana, a promote, run r1" in text
    assert f"commit {report.commit[:12]}" in text
    assert "lock      run r9" in text


def test_status_after_a_rollback_says_pinned_and_what_else_went_back(inside: InProcess) -> None:
    inside.deploy()
    inside.deploy("broken-health", run="r2")
    secret = next(one for one in inside.sandbox.state.vercel.env if one.key == "NEXTAUTH_SECRET")
    secret.updated = inside.clock.now().timestamp() + 60
    text = status_text(status(inside))
    assert "pinned    yes" in text
    assert "by dana, a rollback" in text
    assert "stale     NEXTAUTH_SECRET was changed after this deployment was made" in text


def test_status_fails_closed_when_vercel_does_not_say_whether_it_is_pinned(inside: InProcess) -> None:
    inside.sandbox.patch({"vercel": {"hidden": ["autoAssignCustomDomains"]}})
    seen = status(inside)
    assert seen.pinned is None
    assert "treat it as pinned" in status_text(seen)
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "no answer is not a no" in report.reason


def test_status_says_what_it_could_not_read(inside: InProcess) -> None:
    inside.sandbox.inject("vercel answer status=500 GET /v6/deployments")
    seen = status(inside)
    assert seen.live
    assert any("/v6/deployments" in text for text in seen.unknown)


def line(message: str = "", **more: Any) -> LogLine:
    known = {"at": 1_000, "level": "info", "method": "GET", "path": "/api/x", "status": 200, "source": "serverless"}
    return LogLine(message=message, **{**known, **more})


def test_a_pino_line_is_made_readable() -> None:
    raw = line('{"level":50,"time":1,"pid":7,"hostname":"h","msg":"upload failed","key":"a/b","err":{"message":"503"}}')
    assert readable(raw).level == "error"
    assert readable(raw).message == "upload failed key=a/b err=503"
    assert readable(line('{"not": "pino"}')).message == '{"not": "pino"}'
    assert readable(line('{"level": 50')).message == '{"level": 50'


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (Filter(), 4),
        (Filter(level="warning"), 2),
        (Filter(level="error"), 1),
        (Filter(path="/api/*"), 3),
        (Filter(status="5xx"), 1),
        (Filter(status="404"), 1),
        (Filter(since=2_000), 3),
        (Filter(until=1_500), 1),
        (Filter(text="COURSE"), 1),
    ],
)
def test_filters(wanted: Filter, count: int) -> None:
    async def lines() -> Any:
        yield line("hello")
        yield line('{"level":40,"msg":"course is slow"}', at=2_000, path="/courses?x=1")
        yield line("gone", at=3_000, status=404)
        yield line('{"level":60,"msg":"out of memory"}', at=4_000, status=500)

    assert len(asyncio.run(matching(lines(), wanted))) == count


@pytest.mark.parametrize(
    "typed", [{"level": "eror"}, {"status": "5x"}, {"status": "abc"}, {"since": "yesterday"}, {"until": "25:00"}]
)
def test_a_wrong_filter_is_named(typed: dict[str, str]) -> None:
    said = {"level": "", "path": "", "status": "", "since": "", "until": "", "text": "", **typed}
    with pytest.raises(Mistake, match=f"--{next(iter(typed))} "):
        filter_of(**said, now=NOW)


def test_moments() -> None:
    assert moment("--since", "15m", NOW) == round(NOW.timestamp() * 1000) - 900_000
    assert moment("--since", "2026-11-23T12:00", NOW) == round(NOW.timestamp() * 1000)
    assert moment("--since", "2026-11-23T13:00+01:00", NOW) == round(NOW.timestamp() * 1000)


def test_a_log_of_several_lines_stays_together() -> None:
    text = log_text([line("Traceback\n  at x\n  at y", at=0, level="error", status=500)])
    assert text.splitlines()[0].endswith("error   GET /api/x 500  Traceback")
    assert text.splitlines()[1:] == ["      at x", "      at y"]


def test_runtime_logs_of_the_sandbox_are_read_as_they_stream(inside: InProcess) -> None:
    _, report = inside.deploy()
    inside.get(f"http://{inside.settings.domain}/login")

    async def go() -> list[LogLine]:
        async with inside.world(inside.release()) as world:
            return await matching(world.vercel.runtime_log(report.staged["id"]), Filter(path="/login"))

    found = asyncio.run(go())
    assert found
    assert {one.path for one in found} == {"/login"}


def deployment(number: int) -> Deployment:
    return Deployment(
        f"dpl_{number}",
        f"https://d{number}.example",
        "READY",
        "PROMOTED",
        "production",
        f"{number:040x}",
        number,
        (),
        "",
        {},
    )


def judged_by(rule: Callable[[int], Judgement]) -> Any:
    async def judge(one: Deployment) -> Judgement:
        return rule(one.created)

    return judge


@pytest.mark.parametrize("first_bad", range(1, 20))
def test_bisect_finds_the_first_bad_one_with_few_questions(first_bad: int) -> None:
    line = tuple(map(deployment, range(20)))
    found = asyncio.run(search(line, judged_by(lambda n: "bad" if n >= first_bad else "good")))
    assert (found.last_good.created, found.first_bad.created) == (first_bad - 1, first_bad)
    assert found.asked <= most_questions(20)


def test_bisect_goes_around_what_cannot_be_judged_and_says_so() -> None:
    line = tuple(map(deployment, range(9)))
    rule: Callable[[int], Judgement] = lambda n: "skip" if n in (3, 4) else "bad" if n > 4 else "good"  # noqa: E731
    found = asyncio.run(search(line, judged_by(rule)))
    assert (found.last_good.created, found.first_bad.created) == (2, 5)
    assert [one.created for one in found.skipped] == [3, 4]


@pytest.mark.parametrize(("rule", "end"), [("good", "bad end"), ("bad", "good end")])
def test_bisect_without_a_change_says_which_end_is_wrong(rule: Judgement, end: str) -> None:
    with pytest.raises(Mistake, match=end):
        asyncio.run(search(tuple(map(deployment, range(4))), judged_by(lambda n: rule)))


def test_bisect_takes_ids_addresses_and_commits_and_names_what_it_does_not_know() -> None:
    known = [deployment(n) for n in (3, 1, 2)]
    assert [one.created for one in between(known, "dpl_1", "d3.example")] == [1, 2, 3]
    assert [one.created for one in between(known, f"{2:040x}", "")] == [2, 3]
    with pytest.raises(Mistake, match="--good nonsense"):
        between(known, "nonsense", "")
    with pytest.raises(Mistake, match="is not older than"):
        between(known, "dpl_3", "dpl_1")


def test_cron_jobs_that_went_back_with_a_rollback_are_named(inside: InProcess) -> None:
    """The release brings a job; going back takes it away, and both `rollback` and `status` say what runs now."""
    release = inside.release()
    config = Path(release.folder) / ".vercel/output/config.json"
    said = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps({**said, "crons": [{"path": "/api/cron/nightly", "schedule": "0 3 * * *"}]}))
    outcome, _ = inside.deploy(release=release)
    assert outcome is Outcome.DEPLOYED

    async def go() -> tuple[Returned, Aftermath]:
        async with inside.world(release) as world, httpx.AsyncClient(transport=inside.wire) as http:
            domain = inside.settings.domain
            back = await return_to_previous(world.vercel, http, inside.clock, domain=domain, health="/api/health/db")
            return back, await aftermath(world.vercel, back.target, back.crons)

    returned, went_back = asyncio.run(go())
    assert returned.state is State.RECOVERED
    assert returned.crons == {"/api/cron/nightly": "0 3 * * *"}
    assert went_back.crons == ("/api/cron/nightly no longer runs",)

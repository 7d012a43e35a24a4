"""Vercel's lists are read to the end, or as far as was asked for, however few items a page holds."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pipeline.clients.base import PAGES
from pipeline.clients.vercel import Vercel
from pipeline.clients.verceldomains import production_domains
from pipeline.errors import Refused, Unreadable
from tests.clients.test_clients import ask
from tests.scripted import MovingClock
from tests.stage import InProcess

ALL = 45


def made(number: int) -> dict[str, Any]:
    return {"uid": f"dpl_{number}", "url": f"a{number}.vercel.app", "created": number, "state": "READY", "meta": {}}


def listed(answer: Callable[[httpx.Request], dict[str, Any]], **filters: Any) -> list[str]:
    """The ids of the deployments that a client reads."""

    async def go() -> list[str]:
        transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answer(request)))
        async with httpx.AsyncClient(transport=transport) as http:
            vercel = Vercel("http://a", "t", "", "prj", http, MovingClock())
            return [one.id for one in await vercel.deployments(**filters)]

    return asyncio.run(go())


def few(request: httpx.Request) -> dict[str, Any]:
    """Three a page, newest first, as Vercel pages: what was created before ``until``."""
    until = int(request.url.params.get("until", ALL + 1))
    page = list(range(until - 1, max(0, until - 4), -1))
    following = page[-1] if page and page[-1] > 1 else None
    return {"deployments": [made(one) for one in page], "pagination": {"count": len(page), "next": following}}


@pytest.mark.parametrize(("limit", "many"), [(None, 20), (5, 5), (100, ALL)])
def test_pages_are_read_until_there_are_as_many_as_were_asked_for(limit: int | None, many: int) -> None:
    found = listed(few, **({"limit": limit} if limit else {}))
    assert found == [f"dpl_{ALL - index}" for index in range(many)]


def test_an_answer_without_pages_is_one() -> None:
    assert listed(lambda request: {"deployments": [made(1)]}) == ["dpl_1"]


@pytest.mark.parametrize(
    ("following", "says"),
    [
        (lambda until: 7, "leads back to 7"),
        (lambda until: (until or 100) + 1, "leads back to 102"),
        (lambda until: (until or 1000) - 1, f"goes on after {PAGES} pages"),
    ],
    ids=["in a circle", "forward", "for ever"],
)
def test_a_list_that_does_not_lead_to_its_end_is_not_half_read(following: Callable[[int], int], says: str) -> None:
    def answer(request: httpx.Request) -> dict[str, Any]:
        until = int(request.url.params.get("until", 0))
        return {"deployments": [], "pagination": {"next": following(until)}}

    with pytest.raises(Unreadable, match=says):
        listed(answer)


def test_every_page_of_the_variables_is_read() -> None:
    """A variable on the second page would be called missing, and the release blocked for it."""
    names = [f"NAME_{number}" for number in range(1, 8)]

    def answer(request: httpx.Request) -> httpx.Response:
        until = int(request.url.params.get("until", len(names) + 1))
        page = list(range(until - 1, max(0, until - 4), -1))
        items = [{"id": f"e{one}", "key": names[one - 1], "type": "plain", "target": ["production"]} for one in page]
        following = page[-1] if page[-1] > 1 else None
        kind = "data" if request.url.path == "/v1/env" else "envs"
        return httpx.Response(200, json={kind: items, "pagination": {"count": len(items), "next": following}})

    async def go() -> list[list[str]]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            vercel = Vercel("http://a", "t", "team_a", "prj", http, MovingClock())
            return [
                [one.name for one in read] for read in (await vercel.variables(), await vercel.shared_variables("p"))
            ]

    assert asyncio.run(go()) == [names[::-1]] * 2


@pytest.mark.parametrize(
    ("status", "headers", "known"), [(403, {}, True), (403, {"retry-after": "60"}, False), (404, {}, False)]
)
def test_a_token_that_may_not_list_domains_is_content_with_what_the_project_says(
    status: int, headers: dict[str, str], known: bool
) -> None:
    def refusing(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=headers, json={"error": {"code": "forbidden", "message": "no"}})

    async def go() -> int:
        async with httpx.AsyncClient(transport=httpx.MockTransport(refusing)) as http:
            return len(await production_domains(Vercel("http://a", "t", "team_a", "prj", http, MovingClock())))

    if known:
        assert asyncio.run(go()) == 0
    else:
        with pytest.raises(Refused):
            asyncio.run(go())


def test_the_sandbox_has_several_pages_of_everything(inside: InProcess) -> None:
    """As in real projects: who reads one page of GitHub, Vercel or Sentry alone is found out by every test."""
    seen = list[str]()
    inside.tap(before=lambda request: seen.append(str(request.url)))
    release = inside.release()
    made = ask(inside, lambda world: world.vercel.deployments(limit=100))
    checks = ask(inside, lambda world: world.github.check_runs(release.commit))
    assert {one.id for one in made} == set(inside.sandbox.state.vercel.deployments)
    assert len({one.name for one in checks}) > inside.sandbox.state.github.most_listed
    ask(inside, lambda world: world.vercel.variables())
    domains = ask(inside, lambda world: production_domains(world.vercel))
    assert [one.redirect for one in domains] == ["", inside.settings.domain], "the oldest first"
    pages = {"/check-runs": "page=2", "/v6/deployments": "until=", "/env": "until=", "/domains": "until="}
    for path, following in pages.items():
        assert [one for one in seen if path in one and following in one], path

"""Pages that are open now: what they will ask for, asked of the release before it serves."""

import asyncio
from types import SimpleNamespace
from typing import cast

import httpx

from checks.evidence import OpenPages, StagedDeployment
from checks.healthy import healthy
from checks.policy import Route, SmokePolicy
from checks.skew import open_pages_go_on
from pipeline.clients.visitor import Visitor
from pipeline.clock import SystemClock
from pipeline.probes.skew import open_pages
from pipeline.world.world import World

OLD, NEW = "a" * 40, "b" * 42
KEPT = "c" * 42


def page(build: str, action: str, query: str = "") -> str:
    return f"""<html><head><link rel="stylesheet" href="/_next/static/css/app.css{query}">
      <link rel="icon" href="/icon-{build}.svg"><script src="/_next/static/chunks/{build}.js{query}" async></script>
      <script src="https://cdn.example/x.js"></script><script src="//cdn.example/y.js"></script></head>
      <form><input type="hidden" name="$ACTION_ID_{action}"></form>
      <script>self.__next_f.push([1,"5:{{\\"id\\":\\"{KEPT}\\",\\"bound\\":null}}"])</script></html>"""


def seen(query: str = "", *, action: str = NEW) -> OpenPages:
    """What is read when production serves build ``old`` and the staged deployment build ``new``."""

    def answer(request: httpx.Request) -> httpx.Response:
        build, path = ("new" if request.url.host == "staged.example" else "old"), request.url.path
        if path == "/":
            text = page(build, action if build == "new" else OLD, query)
            return httpx.Response(200, text=text, headers={"content-type": "text/html; charset=utf-8"})
        there = path in ("/_next/static/css/app.css", f"/_next/static/chunks/{build}.js")
        return httpx.Response(200 if there else 404)

    visitor = Visitor(lambda: httpx.AsyncClient(transport=httpx.MockTransport(answer)), SystemClock())
    world = cast(World, SimpleNamespace(visitor=visitor, domain="shop.example"))
    staged = cast(StagedDeployment, SimpleNamespace(url="https://staged.example"))
    return asyncio.run(open_pages(world, SmokePolicy((Route("/"), Route("/gone", status=404))), staged))


def test_a_script_and_a_server_action_that_the_release_no_longer_has_are_named() -> None:
    found = seen()
    assert (found.files, found.gone) == (2, ("/_next/static/chunks/old.js",))
    assert (found.actions, found.lost) == (2, (OLD,))
    said = [finding.plain for finding in open_pages_go_on.ask({OpenPages: found})]
    assert said[0]["subject"] == "1 of 2 files of pages that are open now"
    assert said[0]["says"] == "is not in this release: /_next/static/chunks/old.js"
    assert said[1]["subject"] == "1 of 2 server actions of pages that are open now"
    assert said[1]["says"] == f"is unknown to this release: {OLD}"


def test_an_action_that_kept_its_id_is_not_lost_and_skew_protection_is_seen() -> None:
    assert seen(action=OLD).lost == ()
    pinned = seen("?dpl=dpl_old")
    assert (pinned.pinned, pinned.gone, pinned.lost) == (True, (), ())
    assert list(open_pages_go_on.ask({OpenPages: pinned})) == []
    assert OpenPages in healthy("skew.open-pages-go-on")

"""Reads what pages that are open now will ask of the site, and whether the staged deployment has it."""

import html
import re
from collections.abc import Iterable
from html.parser import HTMLParser

from checks.evidence import OpenPages, StagedDeployment
from checks.policy import SmokePolicy
from pipeline.clients.pages import PageAnswer
from pipeline.clients.walk import same_origin
from pipeline.clock import origin
from pipeline.errors import Unreachable
from pipeline.world.world import World

ACTION = re.compile(r"\$ACTION_ID_([0-9a-f]{32,64})|\"id\":\"([0-9a-f]{32,64})\",\"bound\"")
"""A server action in a page: of a form that works without script, and of the router's inlined data."""
MOST = 60
"""So many files are asked for at most: all of a page's, and nothing of a site that has one for every word."""
STYLES = {"stylesheet", "modulepreload", "preload"}
PINNED = re.compile(r"[?&]dpl=")
"""How Skew Protection marks the files of a deployment: the platform finds it by that."""


async def open_pages(world: World, policy: SmokePolicy, staged: StagedDeployment) -> OpenPages:
    """Read the smoke routes of production, and ask the staged deployment for what they name. Raises Unreachable."""
    site, paths = origin(world.domain), [route.path for route in policy.routes if route.status == 200]
    old = await _read(world, policy, [site + path for path in paths])
    files = tuple(dict.fromkeys(path for page in old for path in _files(page, site)))[:MOST]
    actions = _actions(old)
    pinned = bool(files) and all(PINNED.search(path) for path in files)
    asked = [] if pinned else [staged.url + path for path in files]
    gone = [page.url.removeprefix(staged.url) for page in await _read(world, policy, asked) if page.status == 404]
    new = await _read(world, policy, [staged.url + path for path in paths]) if actions and not pinned else ()
    lost = actions - _actions(new) if not pinned else frozenset()
    return OpenPages(len(files), tuple(sorted(gone)), len(actions), tuple(sorted(lost)), pinned)


async def _read(world: World, policy: SmokePolicy, urls: list[str]) -> tuple[PageAnswer, ...]:
    """GET each of ``urls`` without cookies. Raises Unreachable when one gives no answer: then nothing is known."""
    found = await world.visitor.get_all(urls, at_once=policy.at_once, request=policy.request, budget=policy.budget)
    silent = next((page for page in found if page.unseen or not page.status), None)
    if silent:
        raise Unreachable("site", f"GET {silent.url}", silent.failure)
    return found


def _files(page: PageAnswer, site: str) -> Iterable[str]:
    """The paths of the page's scripts and styles that the site itself has."""
    if "html" not in page.headers.get("content-type", ""):
        return ()
    named = (
        f"{site}{one}" if one.startswith("/") and not one.startswith("//") else one for one in _Named(page.body).files
    )
    return (url.removeprefix(site) for url in named if url.startswith(f"{site}/") and same_origin(url, site))


def _actions(pages: Iterable[PageAnswer]) -> frozenset[str]:
    texts = (html.unescape(page.body).replace("\\", "") for page in pages)
    return frozenset(plain or bound for text in texts for plain, bound in ACTION.findall(text))


class _Named(HTMLParser):
    """Collects the addresses of a page's scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.files = list[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        wanted = tag == "script" or (tag == "link" and STYLES & {*said.get("rel", "").split()})
        address = said.get("src" if tag == "script" else "href", "")
        if wanted and address:
            self.files.append(address)


PROBES = (open_pages,)

"""Asks the production domain itself, as a user would, and says who answered."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass

import httpx

from pipeline.clients.barrier import barrier_of
from pipeline.clients.base import TIMEOUT
from pipeline.clock import Clock, origin

ASKED = 5.0  # seconds that one request to the domain may take, its body included
BODY = 65536  # bytes of it that are read
HOPS = 5
GLANCE = 2.0  # seconds that all further domains together may take, or a look at Vercel while the domain is asked


@dataclass(frozen=True)
class DomainAnswer:
    """What the domain answered, and as which deployment; ``status`` 0 means nothing, and ``failure`` why."""

    status: int
    ms: int
    failure: str
    deployment: str
    barrier: str = ""
    """Who answered in place of the site: then it says nothing about the site."""

    @property
    def well(self) -> bool:
        """Whether the domain answers, and not with a server error: the health path need not exist in every app."""
        return 0 < self.status < 500 and not self.barrier

    def __str__(self) -> str:
        if self.barrier:
            return f"{self.status}, from {self.barrier} and not from the site"
        who = f" as {self.deployment}" if self.deployment else ""
        return f"{self.status}{who} in {self.ms} ms" if self.status else f"nothing ({self.failure})"


async def ask(http: httpx.AsyncClient, domain: str, health: str, clock: Clock, bypass: str = "") -> DomainAnswer:
    """Ask the domain once, and say who answered. Never raises; takes ASKED seconds at most."""
    began = clock.monotonic()
    url = httpx.URL(origin(domain) + health)
    own = url.host
    status, name, barrier = 0, "", ""
    try:
        async with asyncio.timeout(ASKED):
            for _ in range(HOPS):
                headers = {"x-vercel-protection-bypass": bypass} if bypass and url.host == own else {}
                async with http.stream("GET", url, headers=headers, follow_redirects=False) as response:
                    status, barrier = response.status_code, barrier_of(response)
                    name = response.headers.get("x-deployment-id", "")
                    if barrier or response.next_request is None:
                        name = "" if barrier else await _named(response) or name
                        break
                    url = response.next_request.url
    except TimeoutError:
        if not status:
            return DomainAnswer(0, 0, f"no answer within {ASKED:g} s", "")
    except (httpx.HTTPError, httpx.InvalidURL, ConnectionError, ValueError) as error:
        if not status:
            return DomainAnswer(0, 0, f"{type(error).__name__} {error}".rstrip(), "")
    return DomainAnswer(status, round((clock.monotonic() - began) * 1000), "", name, barrier)


@contextlib.asynccontextmanager
async def further(
    http: httpx.AsyncClient, domains: Iterable[str], left: str, health: str, clock: Clock, bypass: str = ""
) -> AsyncIterator[Callable[[], Awaitable[tuple[str, ...]]]]:
    """Ask the further ``domains`` from here on, all at once; gives who of them still answers as the one ``left``.

    What gives no answer within GLANCE seconds of the question, or does not say which build it is, is left out.
    """
    asked = {name: asyncio.ensure_future(ask(http, name, health, clock, bypass)) for name in sorted(domains)}

    async def still() -> tuple[str, ...]:
        if asked:
            await asyncio.wait(asked.values(), timeout=GLANCE)
        return tuple(name for name, task in asked.items() if task.done() and task.result().deployment == left)

    try:
        yield still
    finally:
        for task in asked.values():
            task.cancel()
        await asyncio.gather(*asked.values(), return_exceptions=True)


async def _named(response: httpx.Response) -> str:
    """The id of the deployment that a JSON health answer says it is from; empty when it does not, or never ends."""
    body = b""
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > BODY:
                return ""
        found = json.loads(body)
    except (httpx.HTTPError, ValueError, RecursionError):
        return ""
    return str(found.get("deployment") or "") if isinstance(found, dict) else ""


def client(api: str) -> httpx.AsyncClient:
    """The connections of a rollback. Certificates are loaded only when ``api`` needs them: that takes a while."""
    here = is_here(api)  # where no proxy of the outside helps either
    return httpx.AsyncClient(timeout=TIMEOUT, verify=not here, trust_env=not here)


def is_here(api: str) -> bool:
    """Whether ``api`` is on this machine, by number: then there is no name to look up, and no certificate."""
    return api.startswith("http://127.0.0.1")

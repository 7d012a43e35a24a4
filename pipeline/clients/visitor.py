"""Visits the site the way a browser would: routes, the health check, and the way of one user."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import httpx

from pipeline.clients.exchange import DEADLINE, NoCookies, Unfinished, exchange, request_of
from pipeline.clients.pages import PageAnswer, answered_by
from pipeline.clients.walk import LARGEST_PAGE, SiteWalk, same_origin
from pipeline.clock import Clock

PATIENCE = DEADLINE
TIMEOUT = httpx.Timeout(PATIENCE, connect=5)


class Visitor:
    """Makes each of its requests once, without retries: what a user meets once, counts.

    ``new_client`` gives an httpx client with empty cookies; ``bypass`` is the Deployment Protection secret or empty.
    ``variables``: those that journeys name, with their values.
    """

    def __init__(
        self,
        new_client: Callable[[], httpx.AsyncClient],
        clock: Clock,
        variables: Mapping[str, str] | None = None,
        bypass: str = "",
    ) -> None:
        self._new_client, self._clock, self.variables = new_client, clock, {**(variables or {})}
        self._headers = {"x-vercel-protection-bypass": bypass} if bypass else {}
        self.may_pass = bool(bypass)
        """Whether it has a secret for Deployment Protection, right or wrong."""

    async def get(self, url: str, patience: float = PATIENCE) -> PageAnswer:
        """GET ``url`` with empty cookies and follow redirects, for at most ``patience`` seconds. Never raises."""
        async with self._client(url) as client:
            return await self._get(client, url, patience)

    async def get_all(
        self, urls: Sequence[str], *, at_once: int, request: float, budget: float
    ) -> tuple[PageAnswer, ...]:
        """GET all ``urls``, ``at_once`` at a time; what is not done when ``budget`` seconds are over has no answer.

        They share connections, but no cookies.
        """
        turn = asyncio.Semaphore(at_once)
        async with self._client(urls[0] if urls else "") as client:
            client.cookies = NoCookies()

            async def one(url: str) -> PageAnswer:
                async with turn:
                    return await self._get(client, url, request)

            tasks = [asyncio.ensure_future(one(url)) for url in urls]
            done, late = await asyncio.wait(tasks, timeout=budget) if tasks else (set(), set())
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            over = f"no time was left: all routes together may take {budget:g} s"
            return tuple(
                task.result() if task in done else PageAnswer(url, 0, 0, failure=over)
                for url, task in zip(urls, tasks, strict=True)
            )

    @contextlib.asynccontextmanager
    async def walk(self, site: str, within: float) -> AsyncIterator[SiteWalk]:
        """Begin a way through ``site`` as somebody new. A request may take ``within`` seconds."""
        async with self._client(site) as client:
            yield SiteWalk(client, site, within, self._clock.monotonic, self._cut)

    async def may_send(self, url: str, origin: str, method: str = "PUT") -> PageAnswer:
        """Ask as a browser does before it sends a file from a page of ``origin``: OPTIONS. Never raises."""
        asked = {
            "origin": origin,
            "access-control-request-method": method,
            "access-control-request-headers": "content-type",
        }
        began = self._clock.monotonic()
        async with self._client(url) as client:
            client.headers.update(asked)
            try:
                return answered_by(await self._ask(client, "OPTIONS", url, PATIENCE), self._ms(began))
            except Unfinished as error:
                return self._cut(error, url, self._ms(began))

    def _client(self, site: str) -> httpx.AsyncClient:
        """Open a client that sends the bypass secret to ``site`` alone: a redirect must not carry it elsewhere."""
        client = self._new_client()

        async def sign(request: httpx.Request) -> None:
            if same_origin(str(request.url), site):
                request.headers.update(self._headers)
            else:
                for name in self._headers:
                    request.headers.pop(name, None)

        client.event_hooks["request"].append(sign)
        return client

    async def _get(self, client: httpx.AsyncClient, url: str, patience: float = PATIENCE) -> PageAnswer:
        began = self._clock.monotonic()
        try:
            response = await self._ask(client, "GET", url, patience, follow=True)
        except Unfinished as error:
            return self._cut(error, url, self._ms(began))
        return answered_by(response, self._ms(began))

    def _cut(self, error: Unfinished, url: str, ms: int) -> PageAnswer:
        """What is known of an answer that did not end: who answered, and with which status, when that came."""
        off, head = not same_origin(error.url, url), error.head
        if head is None:
            return PageAnswer(error.url, 302 if off else 0, ms, failure=error.says, unseen=not off and _ours(error))
        return answered_by(head, ms, error.says)

    async def _ask(
        self, client: httpx.AsyncClient, method: str, url: str, patience: float, *, follow: bool = False, **more: Any
    ) -> httpx.Response:
        """Send one request. Raises Unfinished when its answer has not ended ``patience`` seconds later."""
        timeout = httpx.Timeout(patience, connect=min(5.0, patience))
        headers = {"accept-encoding": "gzip"}
        request = request_of(client, method, url, timeout=timeout, headers=headers, **more)
        return await exchange(client, request, within=patience, most=LARGEST_PAGE, follow=follow)

    def _ms(self, began: float) -> int:
        return round((self._clock.monotonic() - began) * 1000)


def _ours(error: BaseException | None) -> bool:
    """Whether name resolution or TLS failed: then the trouble is perhaps ours alone."""
    while error is not None:
        if isinstance(error, socket.gaierror | ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False

"""Visits the site the way a browser would: routes, the health check, and a student's journeys."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from pipeline.clients.barrier import challenge_of
from pipeline.clients.exchange import DEADLINE, ODD, NoCookies, Unfinished, exchange, json_of, parsed, request_of
from pipeline.clients.pages import PageAnswer, answered_by
from pipeline.clients.reading import begins, reads
from pipeline.clock import Clock

PATIENCE = DEADLINE
TIMEOUT = httpx.Timeout(PATIENCE, connect=5)
LARGEST_PAGE = 10_000_000  # bytes; a page that is longer is ill


class Challenged(Unfinished):
    """Raised when Vercel's firewall challenged a request of a journey."""


class Failed(Exception):
    """Raised when a journey ended early: at which place, and what was seen."""

    def __init__(self, place: str, says: str) -> None:
        super().__init__(f"{place}: {says}")
        self.at, self.says = place, says


@dataclass(frozen=True)
class Attempt:
    """A journey that was tried; ``failed_at`` is empty when it worked."""

    name: str
    failed_at: str
    says: str
    ms: int
    unseen: bool = False
    """Nothing was learnt about the site: name resolution or TLS failed on our side, or the firewall challenged us."""


class Visitor:
    """Makes each of its requests once, without retries: what a user meets once, counts.

    ``new_client`` gives an httpx client with empty cookies; ``bypass`` is the Deployment Protection secret or empty.
    """

    def __init__(
        self, new_client: Callable[[], httpx.AsyncClient], clock: Clock, email: str, password: str, bypass: str = ""
    ) -> None:
        self._new_client, self._clock, self._email, self._password = new_client, clock, email, password
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

    async def journeys(
        self,
        site: str,
        *,
        login: bool,
        course: str,
        course_contains: str,
        upload: str,
        request: float = PATIENCE,
        budget: float = 60,
    ) -> tuple[Attempt, ...]:
        """Sign in, open a course, upload and read back, as one student with one cookie jar.

        A request may take ``request`` seconds and all of them together ``budget``.
        """
        if login and not (self._email and self._password):
            says = "SMOKE_EMAIL or SMOKE_PASSWORD is not set, so nobody signed in"
            return (Attempt("login", "", says, 0, unseen=True),)
        until = self._clock.monotonic() + budget
        async with self._client(site) as client:
            client.timeout = httpx.Timeout(request, connect=min(5.0, request))
            done = []
            if login:
                done.append(await self._attempt("login", lambda: self._login(client, site), until))
            if course:
                page = site + course
                done.append(await self._attempt("course", lambda: self._course(client, page, course_contains), until))
            if upload:
                done.append(await self._attempt("upload", lambda: self._upload(client, site, site + upload), until))
            return tuple(done)

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
        response = await exchange(client, request, within=patience, most=LARGEST_PAGE, follow=follow)
        if not follow and (challenge := challenge_of(response)):
            raise Challenged(challenge, url)
        return response

    async def _attempt(self, name: str, journey: Callable[[], Awaitable[None]], until: float) -> Attempt:
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(max(0.0, until - began)):
                await journey()
        except TimeoutError:
            return Attempt(name, "the budget", "no time was left for it", self._ms(began))
        except Failed as failed:
            return Attempt(name, failed.at, failed.says, self._ms(began))
        except Unfinished as error:
            return Attempt(name, "the request", error.says, self._ms(began), unseen=_ours(error))
        except ODD as error:  # an answer of another shape than NextAuth's
            return Attempt(name, "the answer", f"{type(error).__name__} {str(error)[:200]}", self._ms(began))
        return Attempt(name, "", "", self._ms(began))

    async def _login(self, client: httpx.AsyncClient, site: str) -> None:
        """Log in by NextAuth's credentials flow: CSRF token, callback, then a session that names somebody."""
        token = await self._json(client, f"{site}/api/auth/csrf", "csrf")
        form = {
            "csrfToken": token["csrfToken"],
            "email": self._email,
            "password": self._password,
            "callbackUrl": site,
            "json": "true",
        }
        signed = await self._send(client, "POST", f"{site}/api/auth/callback/credentials", data=form)
        if signed.status_code not in (200, 302) or "error=" in signed.headers.get("location", ""):
            raise Failed("sign in", f"answered {signed.status_code}")
        session = await self._json(client, f"{site}/api/auth/session", "session")
        if not (session or {}).get("user"):
            raise Failed("session", "there is no session after signing in")

    async def _course(self, client: httpx.AsyncClient, url: str, contains: str) -> None:
        page = await self._get(client, url, client.timeout.read or PATIENCE)
        if page.unseen:
            raise Challenged(page.failure, page.url)
        if page.status != 200 or page.failure or page.error_page:
            raise Failed("the course page", page.failure or page.error_page or f"answered {page.status}")
        if "/login" in page.url or "/signin" in page.url:
            raise Failed("the course page", f"sends a signed-in student to {page.url}")
        if not reads(page.body, contains):
            raise Failed("the course page", f"does not contain {contains!r}; it reads {begins(page.body)!r}")

    async def _upload(self, client: httpx.AsyncClient, site: str, url: str) -> None:
        content = f"smoke test, {self._clock.now().isoformat()}".encode()
        sent = await self._send(client, "POST", url, files={"file": ("smoke.txt", content, "text/plain")})
        where = str(json_of(_ok(sent, "upload").content)["url"])
        read = _ok(await self._send(client, "GET", where if "://" in where else site + where), "read back")
        if read.content != content:
            raise Failed("read back", f"got {len(read.content)} other bytes than the {len(content)} uploaded")

    async def _json(self, client: httpx.AsyncClient, url: str, place: str) -> Any:
        return json_of(_ok(await self._send(client, "GET", url), place).content)

    async def _send(self, client: httpx.AsyncClient, method: str, url: str, **more: Any) -> httpx.Response:
        """Send a request of a journey, with the time that the client was given for each."""
        return await self._ask(client, method, url, client.timeout.read or PATIENCE, **more)

    def _ms(self, began: float) -> int:
        return round((self._clock.monotonic() - began) * 1000)


def _ours(error: BaseException | None) -> bool:
    """Whether name resolution or TLS failed, or we were challenged: then the trouble is perhaps ours alone."""
    while error is not None:
        if isinstance(error, socket.gaierror | ssl.SSLError | Challenged):
            return True
        error = error.__cause__ or error.__context__
    return False


def _ok(response: httpx.Response, place: str) -> httpx.Response:
    if response.status_code >= 300:
        raise Failed(place, f"answered {response.status_code}")
    return response


def same_origin(url: str, other: str) -> bool:
    """Whether two URLs have the same scheme, host and port."""
    a, b = parsed(url), parsed(other)
    return (a.scheme, a.host, a.port) == (b.scheme, b.host, b.port)

"""One visitor's way through a site: request after request with the same cookies, kept as a browser would keep them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from pipeline.clients.exchange import REDIRECTS, Unfinished, exchange, parsed, request_of
from pipeline.clients.pages import PageAnswer, answered_by

LARGEST_PAGE = 10_000_000  # bytes; a page that is longer is ill
MOVED = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Sent:
    """One request. ``file``: the form's field, the name, the content, its type."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    file: tuple[str, str, str, str] | None = None
    body: str = ""
    follow: bool = True

    @property
    def content(self) -> dict[str, Any]:
        """What httpx is to send; empty for a request without a body."""
        if self.file:
            name, called, content, kind = self.file
            return {"files": {name: (called, content.encode(), kind)}}
        if self.json is not None:
            return {"json": self.json}
        if self.form:
            return {"data": dict(self.form)}
        return {"content": self.body.encode()} if self.body else {}


@dataclass(frozen=True)
class Came:
    """The answer of a request. ``away``: where a redirect leads that was not followed, because it leaves the site."""

    page: PageAnswer
    away: str = ""


class SiteWalk:
    """Asks ``site`` as one visitor; every request goes once.

    ``failed`` gives the page of a request that did not end. ``within``: seconds for each request, redirects included.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        site: str,
        within: float,
        monotonic: Callable[[], float],
        failed: Callable[[Unfinished, str, int], PageAnswer],
    ) -> None:
        self._client, self._site, self._within = client, site, within
        self._monotonic, self._failed = monotonic, failed
        self.headers: dict[str, str] = {}
        """What every request to the site has further."""
        self.forget()

    def forget(self) -> None:
        """Become somebody else: no cookies, no headers."""
        self.rules = AsBrowsers()
        self._client.cookies = CookieJar(self.rules)
        self.headers = {}

    def give(self, name: str, value: str) -> None:
        """Have the site's cookie ``name``, as if it had been set."""
        host = parsed(self._site).host
        self._client.cookies.set(name, value, domain=host if "." in host else f"{host}.local")

    def cookie(self, name: str) -> str:
        """The value of the cookie that was set last under ``name``; empty when there is none."""
        return next((one.value or "" for one in self._client.cookies.jar if one.name == name), "")

    @property
    def unsent(self) -> tuple[str, ...]:
        """The cookies that the site has set and that no browser would send back, each with the reason."""
        plain = parsed(self._site).scheme == "http"
        secure = {one.name for one in self._client.cookies.jar if one.secure} if plain else set()
        never = (f"the cookie {name} is never sent: it is Secure, and the site is http" for name in sorted(secure))
        return (*self.rules.refused, *never)

    async def send(self, sent: Sent) -> Came:
        """Send a request, and follow its redirects within the site. Never raises for what a server does."""
        began = self._monotonic()
        url, method, content = sent.url, sent.method, sent.content
        try:
            for _ in range(REDIRECTS + 1):
                left = round(max(self._within - (self._monotonic() - began), 0.01), 2)
                response = await self._once(method, url, sent.headers, content, left)
                page = answered_by(response, round((self._monotonic() - began) * 1000))
                location = response.headers.get("location", "") if response.status_code in MOVED else ""
                if not location or page.unseen or not (sent.follow and same_origin(sent.url, self._site)):
                    return Came(page)
                url = _joined(url, location)
                if not same_origin(url, self._site):
                    return Came(page, url)
                if response.status_code == 303 or (response.status_code in (301, 302) and method == "POST"):
                    method, content = "GET", {}
            raise Unfinished(f"no answer: more than {REDIRECTS} redirects", url)
        except Unfinished as error:
            return Came(self._failed(error, self._site, round((self._monotonic() - began) * 1000)))

    async def _once(
        self, method: str, url: str, headers: Mapping[str, str], content: Mapping[str, Any], within: float
    ) -> httpx.Response:
        further = self.headers if same_origin(url, self._site) else {}
        timeout = httpx.Timeout(within, connect=min(5.0, within))
        given = {"accept-encoding": "gzip", **further, **headers}
        request = request_of(self._client, method, url, timeout=timeout, headers=given, **content)
        return await exchange(self._client, request, within=within, most=LARGEST_PAGE)


class AsBrowsers(DefaultCookiePolicy):
    """Refuses the cookies that browsers refuse by their names' prefix, and remembers why.

    https://www.rfc-editor.org/rfc/rfc6265bis, 4.1.3
    """

    def __init__(self) -> None:
        super().__init__()
        self.refused: tuple[str, ...] = ()

    def set_ok(self, cookie: Cookie, request: Any) -> bool:
        why = ""
        if cookie.name.startswith(("__Secure-", "__Host-")) and not cookie.secure:
            why = "its name wants Secure"
        elif cookie.name.startswith("__Host-") and (cookie.domain_specified or cookie.path != "/"):
            why = "its name wants Path=/ and no Domain"
        if why:
            self.refused = tuple(dict.fromkeys((*self.refused, f"a browser refuses the cookie {cookie.name}: {why}")))
        return not why and super().set_ok(cookie, request)


def same_origin(url: str, other: str) -> bool:
    """Whether two URLs have the same scheme, host and port."""
    a, b = parsed(url), parsed(other)
    return (a.scheme, a.host, a.port) == (b.scheme, b.host, b.port)


def _joined(url: str, location: str) -> str:
    try:
        return str(parsed(url).join(location))
    except (httpx.InvalidURL, ValueError) as error:
        raise Unfinished(f"no answer: it redirects to an address that is none: {location[:80]}", url) from error

"""The same requests to the same build, served by ``next start`` and by the sandbox; what differs, and why it does.

The requests are asked in their order: some of them change what later ones are answered.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}
RSC = {"rsc": "1"}
COMPARED = (
    "content-type", "location", "set-cookie", "vary", "x-frame-options", "x-post", "x-probed", "x-proxied", "x-echo",
    "x-words", "x-legacy", "content-range", "content-disposition", "x-nextjs-redirect",
)  # fmt: skip
CHANGING = re.compile(
    r"Made at \d+|Drawn: \w+|data-drawn=\S+?>|[Aa]s of [^<\"]+|csrf-token=\w+%7C\w+|(?<=\")[\w-]{21}[vm](?=\")"
)
"""What is another one each time: moments, what is drawn by lot."""
FOR_THE_ROUTER = re.compile(r"<script\b.*?</script>|<!--.*?-->", re.DOTALL)
"""Inlined data of a page; how it is cut into pieces depends on time."""
OF_REDIRECTS = ("location", "set-cookie")
OF_ERRORS = ("content-type", "set-cookie", "x-proxied")


@dataclass(frozen=True)
class Request:
    """A request as both servers are sent it: ``said`` is method and path, e.g. ``GET /about``."""

    said: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    again: int = 0
    """Which time it is asked, when it is asked more than once."""

    @property
    def name(self) -> str:
        """Words for a table: the request with what makes it special."""
        special = "; ".join(f"{name}: {value}" for name, value in self.headers.items() if name != "content-type")
        return self.said + (f" ({special})" if special else "") + (f" №{self.again}" if self.again else "")


def get(path: str, again: int = 0, **headers: str) -> Request:
    return Request(f"GET {path}", {name.replace("_", "-"): value for name, value in headers.items()}, again=again)


REQUESTS = (
    # pages of the build, of a request, of the database, and the trees that the router asks for
    get("/"), get("/login"), get("/about"), get("/show/still"), get("/show/still?_rsc", rsc="1"), get("/show/form"),
    get("/show/still?_rsc=_i_aeImnuN6u1u1r", rsc="1", next_router_prefetch="1", next_router_segment_prefetch="/_tree"),
    get("/?_rsc", rsc="1"), get("/show/docs"), get("/show/docs/a/b%20c?x=1&x=2"), get("/show/docs/a?_rsc", rsc="1"),
    get("/show/slow"), get("/show/posts/first"), get("/show/posts/second?_rsc", rsc="1"), get("/show/posts/third"),
    get("/show/posts/third", 2), get("/show/posts/third?_rsc", rsc="1"),
    get("/show/posts/caf%C3%A9"), get("/show/posts/lost"), get("/show/only/ada"),
    get("/show/only/bea"), get("/show/hidden"), get("/show/thrown"), get("/nothing"), get("/show/nothing"),
    get("/broken"), get("/show/edge"), get("/show/edge?name=ada"), Request("HEAD /show/still"),
    # kept pages: on time, by tag, by path
    get("/show/fresh"), get("/show/tagged"), get("/show/tagged", 2), Request("POST /api/show/renew?tag=drawn"),
    get("/show/tagged", 3), Request("POST /api/show/renew?path=/about"), get("/about", 2),
    get("/about?_rsc", rsc="1"), get("/show/still", if_none_match="*"),
    # what next.config says
    get("/show/moved"), get("/show/was/first?x=1"), get("/show/number/12"), get("/show/number/twelve"),
    get("/show/probed", x_probe="1"), get("/show/probed"), get("/show/abroad"), get("/show/query?to=first"),
    get("/show/query?to=7"), get("/show/before"), get("/show/alias/first"), get("/show/alias/other"),
    get("/show/alias/first?_rsc", rsc="1"), get("/show/missing"), get("/show/missing", x_probe="1"),
    get("/show/api-alias"),
    get("/show/last/x/y"), get("/show/last"), get("/show/still", x_probe="1"), get("/show/still/"), get("/SHOW/STILL"),
    get("/show//still?x=1"), get("/show/posts//first"), get("/api//show/echo"),
    # the proxy
    get("/show/members"), get("/show/members", cookie="member=ada", x_secret="s", x_guard="forged"),
    get("/show/denied"), get("/show/inside"), get("/show/fails"), get("/show/still?mark=1"),
    # routes of the API
    get("/api/show/echo?a=1"), Request("POST /api/show/echo", JSON, b'{"a": 1}'),
    Request("PUT /api/show/echo", FORM, b"a=1"),
    Request("DELETE /api/show/echo"), Request("PATCH /api/show/echo"), Request("OPTIONS /api/show/echo"),
    Request("HEAD /api/show/echo"), Request("POST /api/show/stream"), get("/api/show/cookie"), get("/api/show/away"),
    get("/api/show/nothing"), get("/api/show/item/7"), get("/api/show/item/a%2Fb"), get("/api/show/item/broken"),
    get("/api/nothing"), get("/api/edge?x=1", x_agent="me"), Request("POST /api/edge", JSON, b'{"words": ["a", "b"]}'),
    Request("PUT /api/edge", JSON, b"{}"), get("/api/edge/stream"), get("/api/edge/words"), get("/api/cron/nightly"),
    get("/api/auth/providers"), get("/api/auth/session"),
    # the pages router
    get("/legacy"), get("/legacy?q=x"), get("/legacy?lost=1"), get("/legacy/1"), get("/legacy/2"), get("/legacy/none"),
    get("/legacy/away"), get("/api/legacy?a=1&a=2"), Request("POST /api/legacy", JSON, b'{"b": 2}'),
    get("/api/legacy?renew=/legacy/1"), get("/legacy/1", 2),
    # files and pictures
    get("/app.css"), get("/app.css", cookie="theme=dark"), get("/favicon.svg"), get("/photo.png"), get("/robots.txt"),
    get("/photo.png", range="bytes=0-9"), get("/_next/static/chunks/none.js"), Request("HEAD /app.css"),
    get("/module.mjs"),
    get("/_next/image?url=/photo.png&w=64&q=75"), get("/_next/image?url=/photo.png&w=65&q=75"),
    get("/_next/image?url=/app.css&w=64&q=75"), get("/_next/image?w=64&q=75"),
    get("/_next/image?url=/photo.png&w=64"),
)  # fmt: skip


BUILD = "BUILD"
"""In a path: the id of the build."""
OCTETS = {"content-type": "application/octet-stream"}
DATA = {"x-nextjs-data": "1"}
OF_PAGES = (
    # pages: of a request, of the build, in both languages, on demand, by a rewrite
    get("/"), get("/?from=x"), get("/de"), get("/en"), get("/fr"), get("/", accept_language="de-AT, fr;q=0.8"),
    get("/", accept_language="fr, en;q=0.7, de;q=0.2"), get("/", accept_language="de", cookie="NEXT_LOCALE=en"),
    get("/about"), get("/de/about"), get("/about/"), get("/plain"), get("/de/plain"), Request("HEAD /about"),
    get("/posts/first"), get("/de/posts/first"), get("/posts/second"), get("/de/posts/second"), get("/posts/lost"),
    get("/posts/lost", 2), get("/posts/gone"), get("/alias"), get("/de/alias"), get("/old/first"),
    get("/de/old/first?x=1"), get("/nothing"), get("/de/nothing"),
    # middleware of the edge
    get("/gate"), get("/de/gate"), get("/shop/a/b"), get("/shop/a/b?q=1", cookie="basket=1"),
    get("/de/shop/a", cookie="basket=1"), get("/shop/broken", cookie="basket=1"),
    get("/de/shop/broken", cookie="basket=1"), get("/shop/none", cookie="basket=1"),
    # the API
    get("/api/hello?a=1&a=2", cookie="k=v"), Request("POST /api/hello", JSON, b'{"a": [1]}'),
    Request("POST /api/hello", FORM, b"a=1&b=2"), Request("POST /api/hello", JSON, b'{"a"'), get("/api/things/7"),
    get("/api/things/away"), get("/api/things/text"), get("/api/things/broken"), get("/api/things/stream"),
    Request("POST /api/raw", OCTETS, b"x" * 100_000), get("/api/quick?name=ada"),
    # files, and what the router of the browser asks for
    get("/words.txt"), get("/words.txt", range="bytes=0-4"), get("/.well-known/known.json"),
    get("/_next/static/none.js"), get("/_next/data/none/en/about.json"),
    Request(f"GET /_next/data/{BUILD}/en/about.json", DATA),
    Request(f"GET /_next/data/{BUILD}/de/posts/first.json?slug=first", DATA),
    Request(f"GET /_next/data/{BUILD}/en/shop/a.json?path=a", DATA | {"cookie": "basket=1"}),
    Request(f"GET /_next/data/{BUILD}/en/shop/a.json?path=a", DATA),
)  # fmt: skip
FOR_CACHES = {"rsc", "next-router-state-tree", "next-router-prefetch", "next-router-segment-prefetch"}
"""What ``vary`` names for the router of ``app``; the build of an app without one names it too."""


@dataclass(frozen=True)
class Seen:
    """What of an answer is compared."""

    status: int
    headers: Mapping[str, str]
    body: str


def ask(base: str, request: Request, build: str = "") -> Seen:
    method, _, path = request.said.replace(BUILD, build or BUILD).partition(" ")
    with httpx.Client(base_url=base, timeout=30, trust_env=False) as client:
        answer = client.request(method, path, headers=dict(request.headers), content=request.body or None)
    return Seen(answer.status_code, dict(_headers(answer, base)), _body(answer, base))


def differences(left: Seen, right: Seen) -> list[str]:
    """Names of the parts in which two answers differ: ``status``, names of headers, ``body``."""
    found = [] if left.status == right.status else ["status"]
    names = sorted({*left.headers, *right.headers})
    found += [name for name in names if left.headers.get(name, "") != right.headers.get(name, "")]
    return found + ([] if left.body == right.body else ["body"])


def _headers(answer: httpx.Response, base: str) -> Iterator[tuple[str, str]]:
    names = OF_REDIRECTS if answer.is_redirect else OF_ERRORS if answer.is_error else COMPARED
    for name in names:
        values = [CHANGING.sub("…", value.replace(base, "")) for value in answer.headers.get_list(name)]
        if name == "vary":
            values = sorted({one.strip().lower() for value in values for one in value.split(",")} - {"accept-encoding"})
        if name == "content-type":
            values = [value.lower().replace(" ", "") for value in values]
        if values:
            yield name, " | ".join(sorted(values))
    if answer.is_success:
        yield "kept by browsers", _kept(answer.headers.get("cache-control", ""))


def _kept(told: str) -> str:
    """What ``cache-control`` tells a browser; what it tells caches in between, the platform keeps to itself."""
    seconds = re.search(r"(?<!s-)max-age=(\d+)", told)
    return "never" if "no-store" in told else f"{seconds[1] if seconds else 0} s"


def _body(answer: httpx.Response, base: str) -> str:
    if answer.is_redirect:  # nobody reads it
        return ""
    if answer.headers.get("content-type", "").startswith("image/"):
        return answer.content.hex()
    return CHANGING.sub("…", FOR_THE_ROUTER.sub("", answer.text.replace(base.partition("//")[2], "HOST")))


@dataclass(frozen=True)
class Compared:
    """An app that both serve: what is asked of it, why some is answered in another way, the words above the table."""

    requests: tuple[Request, ...]
    reasons: Mapping[str, str]
    words: str
    without: frozenset[str] = frozenset()
    """Names in ``vary`` that are not compared."""


def compared(plain: str, sandbox: str, app: "Compared | None" = None, build: str = "") -> dict[str, list[str]]:
    """Ask both servers everything; the parts that differ, by the name of the request."""
    app = app or NEXT_APP
    return {
        one.name: differences(*(_without(ask(base, one, build), app.without) for base in (plain, sandbox)))
        for one in app.requests
    }


def _without(seen: Seen, names: frozenset[str]) -> Seen:
    vary = " | ".join(name for name in seen.headers.get("vary", "").split(" | ") if name not in names)
    return replace(seen, headers={**seen.headers, "vary": vary}) if names else seen


PAGE = Path(__file__).resolve().parents[2] / "docs" / "serving.md"
NOT_FOUND = "A function of the pages router holds no page for 404 but Next.js' own; `next start` has the app's at hand."
REASONS = {
    "GET /show/api-alias": "The query of a rewrite reaches the function, as `config.json` says (`dest` with `?`).",
    "GET /legacy?lost=1": NOT_FOUND,
    "GET /legacy/none": NOT_FOUND,
    "GET /legacy/1": "The build gives its page a `vary` (`initialHeaders` of its `.prerender-config.json`).",
    "GET /_next/image?url=/photo.png&w=64&q=75": "Pictures are given as they are; `x-sandbox-image` says so.",
}
"""The request → why the sandbox answers it in another way."""
WORDS = """# How the sandbox serves a Next.js app

The app of `tests/nextapp` (Next.js 16: `proxy.js`, edge functions, kept pages of both routers, server actions, what
`next.config` can say about paths) is built once by `vercel build`. The same {asked} requests are put to that build
under `next start` and in the sandbox: status, headers and body of **{agreed} of {asked}** are the same
({share:.1f} %; CI wants at least 95 %).

What is compared: the status; of a page its type, cookies, `vary`, the headers that the app sets and how long a browser
may keep it; its text without the data that is inlined for the router, whose pieces depend on time. Of a redirect:
where it leads, and cookies. Of an error: its type and text. What `cache-control` tells caches in between
(`s-maxage`) is not: Vercel keeps it to itself, `next start` sends it on.

| request | differs in | why |
|---|---|---|
"""


BY_THE_BUILD = "The build says so (`initialHeaders` of its `.prerender-config.json`)."
PAGES_WORDS = """
## An app of another kind

The app of `bench/pagesapp` (Next.js 15: the pages router in two languages, `middleware.js` at the edge, API routes) is
built and asked by `python -m bench.serving` alone, because its build is too dear for every run of CI. Of {asked}
requests **{agreed} of {asked}** are answered alike ({share:.1f} %). Compared is the same, but for what `vary` says of
the router of `app`, which this app does not have.

| request | differs in | why |
|---|---|---|
"""
NEXT_APP = Compared(REQUESTS, REASONS, WORDS)
PAGES_APP = Compared(
    OF_PAGES,
    {
        "GET /_next/data/BUILD/en/about.json (x-nextjs-data: 1)": BY_THE_BUILD,
        "GET /_next/data/BUILD/de/posts/first.json?slug=first (x-nextjs-data: 1)": BY_THE_BUILD,
    },
    PAGES_WORDS,
    frozenset(FOR_CACHES),
)


def page(found: Mapping[str, list[str]], app: Compared = NEXT_APP) -> str:
    """The part of the page for people: how many requests agree, and each that does not with its reason."""
    differing = {name: parts for name, parts in found.items() if parts}
    agreed, asked = len(found) - len(differing), len(found)
    rows = [f"| `{name}` | {', '.join(parts)} | {app.reasons.get(name, '')} |\n" for name, parts in differing.items()]
    return app.words.format(agreed=agreed, asked=asked, share=100 * agreed / asked) + "".join(rows)

"""Journeys that are declared: what is sent, what is kept, and what is said of an answer that is wrong."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qs

import httpx
import pytest

from checks.evidence import Journey
from checks.policy import DeclaredJourney, Expected, JourneyStep, KeptValue, SentFile, SignIn, SmokePolicy
from pipeline.clients.visitor import Visitor
from pipeline.clock import SystemClock
from pipeline.errors import Unreachable
from pipeline.probes.journeys import journeys_at
from pipeline.world.world import World

SITE = "https://shop.example"
VARIABLES = {
    "SMOKE_EMAIL": "smoke@shop.example",
    "SMOKE_PASSWORD": "correct-horse",
    "SMOKE_TOKEN": "t0ken-of-smoke",
    "SMOKE_SESSION": "s3ssion-of-smoke",
}
Answer = Callable[[httpx.Request], httpx.Response]


def done(answer: Answer, *journeys: DeclaredJourney, site: str = SITE, **policy: Any) -> tuple[Journey, ...]:
    """What became of ``journeys`` on a site that answers so."""
    visitor = Visitor(lambda: httpx.AsyncClient(transport=httpx.MockTransport(answer)), SystemClock(), VARIABLES)
    world = cast(World, SimpleNamespace(visitor=visitor, clock=SystemClock()))
    return asyncio.run(journeys_at(world, site, SmokePolicy(journeys=journeys, **policy)))


def says(answer: Answer, *steps: JourneyStep, **more: Any) -> str:
    """Why one journey failed; empty when it went well."""
    (one,) = done(answer, DeclaredJourney("it", steps=steps), **more)
    return f"{one.failed_at}: {one.says}" if one.failed_at else ""


def page(text: str = "", status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: httpx.Response(status, text=text, headers={"content-type": "text/html", **named})


class Auth:
    """An app with NextAuth: a token against forgery that changes with every question, and a session in a cookie."""

    def __init__(self, version: int) -> None:
        self.version, self.token, self.asked = version, 0, list[httpx.Request]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        path = request.url.path
        if path.endswith("/csrf"):
            self.token += 1
            cookie = f"csrf={self.token}; Path=/; HttpOnly; Secure"
            return httpx.Response(200, json={"csrfToken": str(self.token)}, headers={"set-cookie": cookie})
        if path.endswith("/callback/credentials"):
            form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
            right = form["csrfToken"] == str(self.token) and f"csrf={self.token}" in request.headers["cookie"]
            well = right and form["password"] == VARIABLES["SMOKE_PASSWORD"]
            to = form["callbackUrl"] if well else f"{SITE}/login?error=CredentialsSignin&code=credentials"
            cookies = {"set-cookie": "__Secure-session=of-sam; Path=/; HttpOnly; Secure"} if well else {}
            if self.version == 5 and request.headers.get("x-auth-return-redirect") != "1":
                return httpx.Response(302, headers={"location": to, **cookies})
            status = 200 if well or self.version == 5 else 401
            return httpx.Response(status, json={"url": to}, headers=cookies)
        who = "session=of-sam" in request.headers.get("cookie", "")
        if path.endswith("/session"):
            return httpx.Response(200, json={"user": {"name": "Sam"}} if who else {} if self.version == 4 else None)
        return httpx.Response(200, text=f"Orders of {'Sam' if who else 'nobody'}")


@pytest.mark.parametrize(("way", "version"), [("nextauth", 4), ("authjs", 5)])
def test_one_who_has_signed_in_opens_a_page_behind_it(way: Any, version: int) -> None:
    behind = DeclaredJourney("orders", steps=(JourneyStep("/orders", expect=Expected(contains="Orders of Sam")),))
    found = done(Auth(version), DeclaredJourney("login", way), behind)
    assert [(one.name, one.failed_at) for one in found] == [("login", ""), ("orders", "")]
    fresh = DeclaredJourney("as nobody", steps=(JourneyStep("/orders", expect=Expected(lacks="Sam")),), fresh=True)
    assert [one.failed_at for one in done(Auth(version), DeclaredJourney("login", way), fresh)] == ["", ""]


@pytest.mark.parametrize(
    ("way", "version", "status"),
    [("nextauth", 4, "answered 401, with error=CredentialsSignin"), ("authjs", 5, "answered 200, with error=Cred")],
)
def test_a_refused_sign_in_is_said_whatever_its_status(way: Any, version: int, status: str) -> None:
    """A login that answers 200 to a wrong password, and sets cookies, is no sign-in.

    https://github.com/usnews/smoketest/issues/70
    """
    wrong = SignIn(fields={"email": "$SMOKE_EMAIL", "password": "$SMOKE_TOKEN"})
    (one,) = done(Auth(version), DeclaredJourney("login", way, wrong))
    assert one.failed_at == "sign in"
    assert one.says.startswith(status)


def test_a_form_that_leads_back_to_itself_is_no_sign_in() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(303, headers={"location": "/login?again", "set-cookie": "visit=1"})
        return httpx.Response(200, text="<h1>Sign in</h1>")

    step = JourneyStep("/enter", form={"password": "$SMOKE_PASSWORD"})
    assert says(answer, step) == "POST /enter: sends a signed-in user to /login"
    assert says(answer, JourneyStep("/login", form={"a": "b"}, expect=Expected(lands="/orders"))).endswith(
        "lands on /login, not on /orders"
    )


def test_a_token_that_changes_with_every_page_is_the_last_ones() -> None:
    """https://github.com/ishan-marikar/dialog-router-api/issues/4"""
    tokens = iter(range(100, 200))
    valid = [0]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            right = request.headers["x-csrf"] == str(valid[0])
            return httpx.Response(200 if right else 403, text="sent" if right else "stale token")
        valid[0] = next(tokens)
        return httpx.Response(200, text=f'<meta content="{valid[0]}" name="csrf"><input name="other" value="1">')

    ask, send = (
        JourneyStep("/form", keep={"csrf": KeptValue(html="csrf")}),
        JourneyStep("/send", body="x", headers={"x-csrf": "{csrf}"}),
    )
    assert says(answer, ask, ask, send, ask, send) == ""
    assert says(answer, ask, JourneyStep("/form"), send) == "POST /send: answered 403; it reads 'stale token'"
    gone = JourneyStep("/form", keep={"csrf": KeptValue(html="token")})
    assert says(answer, gone) == "GET /form: has no html token to keep as {csrf}"


def test_a_text_is_found_as_a_reader_sees_it_wherever_it_was_streamed() -> None:
    """https://github.com/redwoodjs/graphql/pull/10098"""
    streamed = (
        '<p>Loading</p><div hidden id="S:0"><p>Post <!-- -->hello &amp; more</p></div><script>$RC("B:0","S:0")</script>'
    )
    assert says(page(streamed), JourneyStep("/", expect=Expected(contains="Post hello & more", lacks="Loading"))) == (
        "GET /: contains 'Loading'; it reads 'Loading Post hello & more'"
    )
    assert says(page("<h1>Shop</h1><p>Closed"), JourneyStep("/", expect=Expected(contains="Open"))) == (
        "GET /: does not contain 'Open'; it reads 'Shop Closed'"
    )
    broken = '<html id="__next_error__"><body>'
    assert "with an error page" in says(page(broken), JourneyStep("/"))


def test_a_redirect_to_another_host_is_not_followed_and_learns_nothing() -> None:
    """https://github.com/monitoring-plugins/monitoring-plugins/issues/1593"""
    asked = list[httpx.Request]()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        to = {"/away": "https://elsewhere.example/file?sig=abc", "/round": "/there"}.get(request.url.path)
        return httpx.Response(307, headers={"location": to}) if to else httpx.Response(200, text="well")

    bearer = DeclaredJourney("in", "bearer", steps=(JourneyStep("/away", headers={"x-key": "$SMOKE_TOKEN"}),))
    (one,) = done(answer, bearer)
    assert one.says == "answered 307 and leads away from the site, to https://elsewhere.example/file?sig=abc"
    assert [request.url.host for request in asked] == ["shop.example"]
    assert asked[0].headers["authorization"] == "Bearer t0ken-of-smoke"
    located = Expected(status=307, headers={"location": "elsewhere"})
    assert says(answer, JourneyStep("/away", follow=False, expect=located)) == ""
    assert says(answer, JourneyStep("/round", expect=Expected(lands="/there"))) == ""


def test_an_address_that_was_kept_is_asked_without_what_says_who_we_are() -> None:
    asked = list[httpx.Request]()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if request.url.host == "shop.example":
            return httpx.Response(
                200, json={"at": "https://bucket.example/x"}, headers={"set-cookie": "who=sam; Path=/"}
            )
        return httpx.Response(200, text="kept")

    ask = JourneyStep("/sign", keep={"there": KeptValue(json="at")})
    put = JourneyStep("{there}", method="PUT", body="kept", headers={"content-type": "text/plain"})
    got = JourneyStep("{there}", expect=Expected(body="kept"))
    assert done(answer, DeclaredJourney("up", "bearer", steps=(ask, put, got)))[0].says == ""
    assert [(one.method, one.url.host) for one in asked[1:]] == [("PUT", "bucket.example"), ("GET", "bucket.example")]
    assert not any({"authorization", "cookie"} & {*one.headers} for one in asked[1:])
    leaks = JourneyStep("{there}", headers={"x-key": "$SMOKE_TOKEN"})
    assert "would send a variable to https://bucket.example/x" in says(answer, ask, leaks)
    assert len([one for one in asked if one.url.host == "bucket.example"]) == 2


def test_cookies_are_kept_as_browsers_keep_them_and_what_is_lost_is_said() -> None:
    """https://github.com/opsknight-labs/OpsKnight/pull/193"""

    def answer(request: httpx.Request) -> httpx.Response:
        cookies = ["__Host-a=1; Path=/", "__Secure-b=2; Path=/; Secure", "c=3; Path=/"]
        if request.url.path == "/set":
            return httpx.Response(200, headers=[("set-cookie", one) for one in cookies])
        return httpx.Response(200, text=request.headers.get("cookie", "none"))

    told = says(
        answer, JourneyStep("/set"), JourneyStep("/", expect=Expected(contains="x=9")), site="http://shop.localhost"
    )
    assert "it reads 'c=3'" in told
    assert "a browser refuses the cookie __Host-a: its name wants Secure" in told
    assert "the cookie __Secure-b is never sent: it is Secure, and the site is http" in told
    both = Expected(contains="__Secure-b=2; c=3")
    assert says(answer, JourneyStep("/set", keep={"kept": KeptValue(cookie="c")}), JourneyStep("/", expect=both)) == ""


@pytest.mark.parametrize("site", [SITE, "http://shop.localhost:3000", "http://localhost:3000", "http://127.0.0.1:3000"])
def test_a_session_from_a_variable_is_shown_as_a_cookie(site: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        well = "__session=s3ssion-of-smoke" in request.headers.get("cookie", "")
        return httpx.Response(200 if well else 401)

    (one,) = done(answer, DeclaredJourney("in", "cookie", steps=(JourneyStep("/me"),)), site=site)
    assert one.says == ""


def test_what_is_secret_or_was_kept_is_never_said() -> None:
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"echo": request.content.decode(), "id": "order-4711", "token": jwt})

    sent = JourneyStep("/api", json={"email": "$SMOKE_EMAIL", "key": "$SMOKE_TOKEN"}, keep={"id": KeptValue(json="id")})
    wrong = JourneyStep("/api", json={"p": "$SMOKE_PASSWORD of {id}"}, expect=Expected(contains="absent"))
    told = says(answer, sent, wrong)
    assert "does not contain 'absent'" in told
    for secret in (*VARIABLES.values(), "order-4711", jwt):
        assert secret not in told
    assert "***" in told
    assert "{id}" in told
    named = says(
        answer, JourneyStep("/api", body="x", expect=Expected(json={"echo": "$SMOKE_EMAIL", "id": "order-4711"}))
    )
    assert named == "POST /api: has 'x' at echo, not '***'"


def test_json_headers_and_files() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        body = {"items": [{"id": 7, "new": True}], "type": request.headers.get("content-type", ""), "none": None}
        return httpx.Response(201, json=body, headers={"x-made": "by us"})

    well = Expected(
        201, headers={"X-Made": "US", "content-type": ""}, json={"items.0.id": 7, "items.0.new": True}, has=("type",)
    )
    sent = JourneyStep(
        "/api", file=SentFile(content="at {now}"), expect=well, keep={"id": KeptValue(json="items.0.id")}
    )
    assert says(answer, sent, JourneyStep("/api", expect=Expected(json={"items.0.id": "{id}"}))) == ""
    for wrong, told in {
        "status": (Expected(200), "answered 201, not 200"),
        "number": (Expected(json={"items.0.id": 8}), "has 7 at items.0.id, not 8"),
        "flag": (Expected(json={"items.0.new": 1}), "has True at items.0.new, not 1"),
        "nothing": (Expected(has=("items.3",)), "has nothing at items.3"),
        "null": (Expected(has=("none",)), "has nothing at none"),
        "header": (Expected(headers={"x-made": "them"}), "the header x-made is 'by us'; 'them' was expected"),
        "no header": (Expected(headers={"x-other": ""}), "the header x-other is not there"),
        "body": (Expected(body="ok"), "the body is not the 2 characters that were expected"),
    }.values():
        assert told in says(answer, JourneyStep("/api", expect=wrong))


class Endless(httpx.AsyncByteStream):
    """A page whose head came, and whose end does not."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"<p>Post hello"
        await asyncio.Event().wait()


def test_an_answer_that_does_not_end_or_is_too_large_ends_the_step() -> None:
    endless = says(lambda request: httpx.Response(200, stream=Endless()), JourneyStep("/"), request=0.2)
    assert endless == "GET /: answered 200, and its body did not end within 0.2 s"
    over = done(
        lambda request: httpx.Response(200, stream=Endless()),
        DeclaredJourney("it", steps=(JourneyStep("/"),)),
        budget=0.2,
    )
    assert (over[0].failed_at, over[0].says) == ("the budget", "no time was left for it")
    around = says(lambda request: httpx.Response(302, headers={"location": "/"}), JourneyStep("/"))
    assert around == "GET /: no answer: more than 20 redirects"


def test_what_could_not_be_tried_is_no_failure_of_the_site() -> None:
    """Trying it with empty words would say that users cannot sign in."""

    def nobody(request: httpx.Request) -> httpx.Response:
        raise AssertionError("nothing is asked")

    other = SignIn(fields={"email": "$SMOKE_EMAIL", "otp": "$SMOKE_OTP"})
    with pytest.raises(Unreachable, match="SMOKE_OTP not set, so nobody tried it"):
        done(nobody, DeclaredJourney("login", "nextauth", other))
    with pytest.raises(Unreachable, match="firewall challenged"):
        says(page("", 429, x_vercel_mitigated="challenge"), JourneyStep("/"))


def test_what_a_site_answers_is_a_value_and_no_name_of_another() -> None:
    sent = list[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content.decode())
        return httpx.Response(200, json={"id": "$SMOKE_PASSWORD {now}"})

    keep = JourneyStep("/", keep={"id": KeptValue(json="id")})
    assert says(answer, keep, JourneyStep("/", json={"id": "{id}", "unknown": "{other}"})) == ""
    assert json.loads(sent[1]) == {"id": "$SMOKE_PASSWORD {now}", "unknown": "{other}"}

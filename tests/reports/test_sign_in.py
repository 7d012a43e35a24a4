"""Sign-in as NextAuth's users broke it: addresses, cookies, secrets."""

import json

import httpx
import pytest

from checks.outcome import Outcome
from pipeline.definitions.diagnoses import DIAGNOSES
from tests.reports.answers import answering, said
from tests.session.test_monitoring import daily, look
from tests.stage import InProcess


def coming_back_to(inside: InProcess, site: str) -> None:
    """NextAuth says from now on that people come back to ``site``."""

    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if request.url.path != "/api/auth/providers":
            return None
        offered = answer.json().items()
        back = {name: {**one, "callbackUrl": f"{site}/api/auth/callback/{name}"} for name, one in offered}
        return said(answer, json.dumps(back).encode())

    answering(inside, change)


def test_a_site_that_sends_people_to_their_own_machine_is_a_p0(inside: InProcess) -> None:
    """NEXTAUTH_URL is missing or a developer's: everybody who signs in lands on localhost, and all pages are 200.

    https://github.com/boardsesh/boardsesh/pull/4264
    """
    coming_back_to(inside, "http://localhost:3000")
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, "it is in the environment, so going back would change nothing"
    (warned,) = [finding for gate, finding in report.warnings if gate == "watch.sign-in-stays-possible"]
    assert "sends people back to http://localhost:3000, which is not this site" in warned["says"]
    graded = daily(inside).graded
    assert (graded.severity, graded.gate) == ("P0", "auth.auth-answers")


def test_a_site_that_sends_people_to_a_deployments_own_address_is_named(inside: InProcess) -> None:
    """The callback is the address of one deployment, which no sign-in provider knows.

    https://github.com/nextauthjs/next-auth/issues/3419
    """
    coming_back_to(inside, "https://lms-p617s86j0-acme.vercel.app")
    _, report = inside.deploy()
    assert any("lms-p617s86j0-acme.vercel.app" in finding["says"] for _, finding in report.warnings)
    checked = look(inside, DIAGNOSES["auth"], name="auth")
    says = [finding.says for line in checked.lines for answer in line.answers for finding in answer.findings]
    assert any("lms-p617s86j0-acme.vercel.app" in one for one in says)


def test_a_session_cookie_that_does_not_come_back_stops_before_the_promotion(inside: InProcess) -> None:
    """The cookie is set under the name with the prefix, and over plain HTTP no client sends it: sign-in "works".

    https://github.com/opsknight-labs/OpsKnight/pull/193
    """
    before = inside.serves()

    def prefixed(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        cookie = answer.headers.get("set-cookie", "")
        live = request.url.netloc.decode() == inside.settings.domain
        if live or "next-auth.session-token" not in cookie:
            return None
        return said(answer, set_cookie=f"{cookie.replace('next-auth.session', '__Secure-next-auth.session')}; Secure")

    answering(inside, prefixed)
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "login fails at session" in report.reason
    assert "there is no session after signing in" in report.reason
    assert inside.serves() == before


def test_a_page_that_does_not_know_who_signed_in_fails_although_sign_in_worked(inside: InProcess) -> None:
    """The page looks for the cookie under another name than it was set, and shows the way to sign in once more.

    https://github.com/opencoredev/openchat/pull/240
    """
    before = inside.serves()

    def again(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        return said(answer, b"<h1>Sign in to go on</h1>") if request.url.path.startswith("/courses") else None

    answering(inside, again)
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "course fails at the course page" in report.reason
    assert "does not contain 'Lessons'" in report.reason
    assert inside.serves() == before


def test_a_secret_that_somebody_changed_is_named_before_it_signs_everybody_out(inside: InProcess) -> None:
    """With another secret no session of before can be read: everybody is signed out by the release.

    https://github.com/nextauthjs/next-auth/issues/6018
    """
    secret = next(one for one in inside.sandbox.state.vercel.env if one.key == "NEXTAUTH_SECRET")
    secret.value = "n3w" * 14
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    (named,) = [finding for gate, finding in report.warnings if gate == "environment.changes-are-known"]
    assert named["subject"] == "NEXTAUTH_SECRET"
    assert "another value than the live build" in named["says"]
    assert "n3w" not in json.dumps(report.warnings)


@pytest.mark.parametrize("empty", [False, True], ids=["it is not set", "it is an empty text"])
def test_without_a_secret_nothing_is_built(inside: InProcess, empty: bool) -> None:
    """Without a secret every request about a session is 500 in production, and worked on the developer's machine.

    https://github.com/nextauthjs/next-auth/issues/3245
    """
    secret = next(one for one in inside.sandbox.state.vercel.env if one.key == "NEXTAUTH_SECRET")
    if empty:
        secret.value = ""
    else:
        inside.sandbox.state.vercel.env.remove(secret)
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert f"NEXTAUTH_SECRET is {'set to an empty string' if empty else 'not set on production'}" in report.reason
    assert inside.asked("POST", "/v13/deployments") == []

"""Signing in with email and password, on the paths and cookies of NextAuth."""

import hashlib
import hmac
import secrets

from . import data, pages, sessions
from .http import Response

CSRF = "next-auth.csrf-token"


async def page(request):
    return Response.html(pages.login("error" in request.query))


async def csrf(request):
    """A token, and its hash in a cookie; the callback wants both."""
    token = _known_token(request) or secrets.token_hex(32)
    return Response.json({"csrfToken": token}).cookie(CSRF, f"{token}|{sessions.sign(token)}")


async def providers(request):
    return Response.json(
        {
            "credentials": {
                "id": "credentials",
                "name": "Email and password",
                "type": "credentials",
                "signinUrl": "/login",
                "callbackUrl": "/api/auth/callback/credentials",
            }
        }
    )


async def session(request):
    user = sessions.user_of(request)
    if not user:
        return Response.json({})
    return Response.json({"user": {"name": user["name"], "email": user["email"]}, "expires": user["expires"]})


async def callback(request):
    form = request.form()
    if not _known_token(request) or form.get("csrfToken") != _known_token(request):
        return Response.redirect("/login?csrf=true")
    user = await data.row('select id, email, name, "passwordHash" from "User" where email = %s', form.get("email", ""))
    if not user or not matches(form.get("password", ""), user["passwordHash"]):
        if "text/html" in request.headers.get("accept", ""):  # a person with a browser, not fetch()
            return Response.html(pages.login(failed=True), 401)
        return Response.json({"url": "/login?error=CredentialsSignin"}, 401)
    return Response.redirect("/").cookie(sessions.NAME, sessions.start(user), sessions.LIFE)


async def sign_out(request):
    return Response.redirect("/").cookie(sessions.NAME, "", 0)


def matches(password, stored):
    """Whether ``password`` is the one that ``stored`` (scrypt$salt$hash, hex) was made of."""
    kind, _, rest = stored.partition("$")
    if kind != "scrypt":
        return False
    salt, _, wanted = rest.partition("$")
    found = hashlib.scrypt(password.encode(), salt=salt.encode(), n=2**12, r=8, p=1).hex()
    return hmac.compare_digest(found, wanted)


def _known_token(request):
    token, _, signature = request.cookies.get(CSRF, "").partition("|")
    return token if token and hmac.compare_digest(signature, sessions.sign(token)) else ""

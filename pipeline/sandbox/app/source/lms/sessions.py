"""Sessions: a signed cookie that names the user. Nothing is stored."""

import base64
import hashlib
import hmac
import json
import time

from . import environ

NAME = "next-auth.session-token"
LIFE = 30 * 24 * 3600


def sign(text):
    return hmac.new(environ["NEXTAUTH_SECRET"].encode(), text.encode(), hashlib.sha256).hexdigest()


def start(user):
    """The cookie's value for ``user``."""
    until = int(time.time()) + LIFE
    content = {"id": user["id"], "email": user["email"], "name": user["name"], "until": until}
    text = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
    return f"{text}.{sign(text)}"


def user_of(request):
    """Who is signed in: a dict with id, email, name and expires; None when nobody is."""
    text, _, signature = request.cookies.get(NAME, "").partition(".")
    if not text or not hmac.compare_digest(signature, sign(text)):
        return None
    found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    if found["until"] < time.time():
        return None
    found["expires"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(found["until"]))
    return found

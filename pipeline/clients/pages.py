"""Pages as a browser ends up seeing them, and who answered instead of the site."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from pipeline.clients.barrier import SIGN_IN, challenge_of
from pipeline.clients.exchange import ODD, json_of

ERROR_PAGES = (
    re.compile(r"Application error: a (?:server|client)-side exception has occurred[^<]{0,80}"),
    re.compile(r'<html[^>]+id="__next_error__"'),
    re.compile(r'data-next-error-(?:message|digest)="[^"]{0,80}"'),
)


@dataclass(frozen=True)
class PageAnswer:
    """The answer that a request ended in.

    ``status`` 0: no answer, and ``failure`` says why. ``body`` is the final one. A ``status`` with a ``failure``: the
    body did not end, or was too large; who answered is known by the headers, but the page is not well.
    """

    url: str
    status: int
    ms: int
    body: str = ""
    failure: str = ""
    unseen: bool = False
    """Nothing was learnt about the site: name resolution or TLS failed on our side, or a firewall answered us."""
    protected: bool = False
    """Vercel's Deployment Protection answered instead of the site."""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Mapping[str, Any]:
        """Read the body when it is a JSON object; empty otherwise."""
        try:
            body = json_of(self.body)
        except ODD:
            return {}
        return body if isinstance(body, dict) else {}

    @property
    def is_placeholder(self) -> bool:
        """Whether it is what a sandbox serves before the first release of one's own app."""
        return self.headers.get("x-sandbox-placeholder") == "1"

    @property
    def error_page(self) -> str:
        """Find the mark of a Next.js error page in the body; empty when there is none."""
        marks = (mark.search(self.body) for mark in ERROR_PAGES)
        return next((found.group(0) for found in marks if found), "")


def answered_by(response: httpx.Response, ms: int, failure: str = "") -> PageAnswer:
    """What ``response`` says; nothing about the site when a firewall answered us."""
    challenge = challenge_of(response)
    return PageAnswer(
        str(response.url),
        response.status_code,
        ms,
        response.text,
        challenge or failure,
        unseen=bool(challenge),
        protected=_protected(response),
        headers=response.headers,
    )


def _protected(response: httpx.Response) -> bool:
    """Whether Vercel's Deployment Protection answered: a redirect to its single sign-on, or its own 401."""
    if any(SIGN_IN.search(str(step.headers.get("location", ""))) for step in response.history):
        return True
    if SIGN_IN.search(str(response.url)) or "_vercel_sso_nonce" in response.headers.get("set-cookie", ""):
        return True
    page = response.text[:20_000]
    return response.status_code == 401 and ("Authentication Required" in page or "vercel.com/sso-api" in page)

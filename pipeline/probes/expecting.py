"""Holds an answer against what was expected of it, and says what was there instead."""

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

from checks.policy import Expected, JourneyStep, KeptValue
from pipeline.clients.exchange import ODD, json_of, parsed
from pipeline.clients.pages import PageAnswer
from pipeline.clients.reading import LONGEST, begins, reads
from pipeline.clients.walk import Came

TOKEN = re.compile(r"[\w.+/=-]{32,}")
"""What nobody reads, and may open something: a session, a signed address."""
SIGN_IN = re.compile(r"/(log-?in|sign-?in)\b", re.IGNORECASE)
NOTHING = object()


def wrong_with(step: JourneyStep, expected: Expected, came: Came) -> str:
    """What is wrong with the answer, as a sentence; empty when it is as ``expected``."""
    page = came.page
    if page.protected:
        return "Deployment Protection answers instead of the app"
    if page.failure or not page.status:
        return page.failure or "gave no answer"
    if came.away:
        return f"answered {page.status} and leads away from the site, to {short(came.away)}"
    return next(_wrong(step, expected, page), "")


def _wrong(step: JourneyStep, expected: Expected, page: PageAnswer) -> Iterator[str]:
    there = f"; it reads {short(begins(page.body))!r}" if page.body else "; it is empty"
    refused = refusal(page)
    if not _is_status(expected.status, page.status, step.follow):
        wanted = f", not {expected.status}" if expected.status else ""
        yield f"answered {page.status}{wanted}" + (
            f", with error={refused}" if refused else "" if page.status < 300 else there
        )
    if page.error_page:
        yield f"answered {page.status} with an error page: {page.error_page}"
    if refused:
        yield f"answered {page.status}, with error={refused}"
    yield from _astray(step, expected, page)
    if expected.contains and not reads(page.body, expected.contains):
        yield f"does not contain {expected.contains!r}{there}"
    if expected.lacks and reads(page.body, expected.lacks):
        yield f"contains {expected.lacks!r}{there}"
    if expected.body and page.body != expected.body:
        yield f"the body is not the {len(expected.body)} characters that were expected{there}"
    for name, text in expected.headers.items():
        found = page.headers.get(name)
        if found is None or text.lower() not in found.lower():
            is_there = "is not there" if found is None else f"is {short(found)!r}"
            yield f"the header {name} {is_there}" + (f"; {text!r} was expected" if text else "")
    for path in (*expected.has, *expected.json):
        found = at(page.body, path)
        if found is NOTHING or (path in expected.has and found in (None, "", {}, [])):
            yield f"has nothing at {path}{there}"
        elif path in expected.json and not _same(found, expected.json[path]):
            yield f"has {short(repr(found))} at {path}, not {expected.json[path]!r}"


def _is_status(wanted: int, status: int, follow: bool) -> bool:
    return status == wanted if wanted else status < (300 if follow else 400)


def _astray(step: JourneyStep, expected: Expected, page: PageAnswer) -> Iterator[str]:
    """Redirects that led elsewhere within the site than they should."""
    landed = parsed(page.url).path
    if expected.lands and landed != expected.lands:
        yield f"lands on {short(landed)}, not on {expected.lands}"
    elif not expected.lands and SIGN_IN.search(landed) and not SIGN_IN.search(step.path):
        yield f"sends a signed-in user to {short(landed)}"


def _same(found: Any, wanted: Any) -> bool:
    """Whether a value of JSON is the one of ``deploy.yml``; a text there may stand for a number, as a kept one does."""
    if isinstance(wanted, str):
        return _plain(found) == wanted
    return bool(found == wanted) and isinstance(found, bool) == isinstance(wanted, bool)


def refusal(page: PageAnswer) -> str:
    """The error that a sign-in names with a good status: in the address that it leads to, or that its JSON names."""
    to = page.headers.get("location", "") or page.json.get("url") or page.url
    found = re.search(r"[?&]error=([\w.-]{1,60})", to) if isinstance(to, str) else None
    return found[1] if found else ""


def at(body: str, path: str) -> Any:
    """The value at ``path`` of a JSON text, e.g. ``items.0.id``; NOTHING when there is none."""
    try:
        found = json_of(body)
    except ODD:
        return NOTHING
    for part in path.split("."):
        if isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        elif isinstance(found, dict) and part in found:
            found = found[part]
        else:
            return NOTHING
    return found


def kept_of(where: KeptValue, page: PageAnswer, cookies: Mapping[str, str]) -> str:
    """The value that stands there in the answer; empty when there is none."""
    if where.json:
        found = at(page.body, where.json)
        return "" if found is NOTHING or found is None or isinstance(found, dict | list) else _plain(found)
    if where.header:
        return str(page.headers.get(where.header, ""))
    if where.html:
        return _Named(where.html).value_in(page.body)
    return cookies.get(where.cookie, "")


def place_of(where: KeptValue) -> str:
    """Where it was looked for, in words."""
    kind, name = next((kind, name) for kind, name in vars(where).items() if name)
    return f"no {kind} {name}" if kind != "json" else f"nothing at {name}"


def short(text: str) -> str:
    """A part of an answer as it may be said: one short line, without what looks like a token."""
    plain = TOKEN.sub("…", " ".join(text.split()))
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST].rstrip()}…"


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Named(HTMLParser):
    """Finds the value of an ``input`` or ``meta`` by its name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name, self._found = name, ""

    def value_in(self, page: str) -> str:
        self.feed(page)
        return self._found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag in ("input", "meta", "button") and said.get("name") == self._name and not self._found:
            self._found = said.get("content" if tag == "meta" else "value") or ""

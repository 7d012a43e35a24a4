"""What a user does on the site, step by step, as ``smoke.journeys`` of ``deploy.yml`` declares it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from checks.policy.base import Policy

VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
"""A variable's name in a text: ``$SMOKE_PASSWORD``, or ``${SMOKE_PASSWORD}`` where a letter follows."""
PLACE = re.compile(r"\{([a-z]\w*)\}")
"""Where a value goes that was kept before: ``{there}``."""
GIVEN = ("site", "now")
"""The values that every journey has from the start: the address of the site, and the time of the round."""


@dataclass(frozen=True)
class SentFile(Policy):
    """A file as a form of a page sends it."""

    field: str = "file"
    """The name of the form's field."""
    name: str = "smoke.txt"
    """The file's name."""
    type: str = "text/plain"
    """Its content type."""
    content: str = "smoke test, {now}"
    """What is in it."""


@dataclass(frozen=True)
class KeptValue(Policy):
    """Where in the answer a value stands that later steps use as `{name}`. One of these keys."""

    json: str = ""
    """The path in a JSON answer, e.g. `items.0.id`."""
    header: str = ""
    """The name of a header of the answer."""
    html: str = ""
    """The name of an `input` or `meta` on the page, e.g. `csrf-token`."""
    cookie: str = ""
    """The name of a cookie that the site has set."""


@dataclass(frozen=True)
class Expected(Policy):
    """What the answer of a step must be."""

    status: int = 0
    """The status after redirects within the site; 0: any below 300, or below 400 with `follow: false`."""
    contains: str = ""
    """Text on the page, as a reader sees it or as it was sent."""
    lacks: str = ""
    """Text that must not be there."""
    body: str = ""
    """The whole body, to the letter."""
    headers: dict[str, str] = field(default_factory=dict)
    """Header → text that it must contain; empty: it must only be there."""
    json: dict[str, Any] = field(default_factory=dict)
    """Path in a JSON answer → the value that must be there, e.g. `{user.role: STUDENT}`."""
    has: tuple[str, ...] = ()
    """Paths in a JSON answer at which something must be, whatever it is."""
    lands: str = ""
    """The path that redirects must lead to. Empty: anywhere within the site but to a sign-in page."""


@dataclass(frozen=True)
class JourneyStep(Policy):
    """One request of a journey, and what must come back. One of `form`, `json`, `file` and `body` at most."""

    path: str
    """A path on the site, or a kept address: `{there}`."""
    name: str = ""
    """What the step is called when it fails; empty: its method and path."""
    method: Literal["", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = ""
    """Empty: GET, or POST when something is sent."""
    form: dict[str, str] = field(default_factory=dict)
    """Fields of a form."""
    json: Any = None
    """A JSON body."""
    file: SentFile | None = None
    """A file in a form."""
    body: str = ""
    """A body as it stands; `headers` say of which type it is."""
    headers: dict[str, str] = field(default_factory=dict)
    """Further headers."""
    follow: bool = True
    """Follow redirects within the site. Off the site none is followed."""
    expect: Expected = field(default_factory=Expected)
    """What must come back."""
    keep: dict[str, KeptValue] = field(default_factory=dict)
    """Name → where its value stands. Later steps and journeys use it as `{name}`."""

    @property
    def verb(self) -> str:
        """The method that is really sent."""
        return self.method or ("POST" if self.form or self.json is not None or self.file or self.body else "GET")

    @property
    def title(self) -> str:
        return self.name or f"{self.verb} {self.path}"


@dataclass(frozen=True)
class SignIn(Policy):
    """How a ready sign-in is done; what is left out is as usual."""

    path: str = "/api/auth"
    """Where NextAuth or Auth.js answers."""
    provider: str = "credentials"
    """The id of the credentials provider."""
    fields: dict[str, str] = field(default_factory=lambda: {"email": "$SMOKE_EMAIL", "password": "$SMOKE_PASSWORD"})
    """The fields that it asks for."""
    cookie: str = "__session"
    """With `cookie`: the name of the session's cookie."""
    header: str = "authorization"
    """With `bearer`: the header that every later request to the site has."""
    value: str = ""
    """The cookie's or header's value. Empty: `$SMOKE_SESSION`, or `Bearer $SMOKE_TOKEN`."""


READY = {"cookie": "$SMOKE_SESSION", "bearer": "Bearer $SMOKE_TOKEN"}
"""Way to sign in → the value that is sent when none is said."""


@dataclass(frozen=True)
class DeclaredJourney(Policy):
    """Something that a user does. Cookies and kept values of the journeys before are there still."""

    name: str
    """What it is called in findings, e.g. `login`."""
    sign_in: Literal["", "nextauth", "authjs", "cookie", "bearer"] = ""
    """A ready way to sign in, before the steps: `nextauth` (version 4), `authjs` (5), `cookie` (a session's cookie
    from a variable, as for Clerk), `bearer` (a token in a header)."""
    using: SignIn = field(default_factory=SignIn)
    """What is unusual about that sign-in."""
    steps: tuple[JourneyStep, ...] = ()
    """The requests, in their order."""
    advisory: bool = False
    """Its failure is a warning, e.g. when storage is somebody else's: going back would not help."""
    fresh: bool = False
    """A new visitor: no cookies, no kept values."""

    @property
    def sent_to_sign_in(self) -> str:
        """The value that `cookie` or `bearer` sends; empty for a sign-in by a form."""
        return self.using.value or READY[self.sign_in] if self.sign_in in READY else ""


def texts_in(value: Any) -> Iterator[str]:
    """Every text in what stands below a key, those in mappings and lists as well."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for part in pair for text in texts_in(part))
    elif isinstance(value, list | tuple):
        yield from (text for part in value for text in texts_in(part))
    elif isinstance(value, Policy):
        yield from (text for one in fields(value) for text in texts_in(getattr(value, one.name)))  # type: ignore[arg-type]


def named_in(texts: Iterable[str]) -> tuple[str, ...]:
    """The names of the variables in ``texts``, each once."""
    found = (braced or plain for text in texts for braced, plain in VARIABLE.findall(text))
    return tuple(dict.fromkeys(found))


def variables_in(journey: DeclaredJourney) -> tuple[str, ...]:
    """The names of the variables that ``journey`` sends or expects."""
    texts = [*texts_in(journey.steps), journey.sent_to_sign_in]
    if journey.sign_in in ("nextauth", "authjs"):
        texts += texts_in(journey.using.fields)
    return named_in(texts)

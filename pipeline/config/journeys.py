"""What is wrong in ``smoke.journeys`` beyond types: values that nobody kept, others' variables, bare secrets."""

import re
from collections.abc import Iterable, Iterator, Sequence

from checks.policy.journeys import (
    GIVEN,
    PLACE,
    VARIABLE,
    DeclaredJourney,
    JourneyStep,
    KeptValue,
    named_in,
    texts_in,
    variables_in,
)

SENT = re.compile(r"SMOKE_[A-Z0-9_]+")
"""The variables that may be sent to a site: no token of a vendor can be, by mistake or by somebody's pull request."""
SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
SECRET_FIELD = re.compile(r"passw|passphrase|secret|token|api_?key", re.IGNORECASE)
SENDS = ("form", "json", "file", "body")
BODILESS = ("GET", "HEAD")

Said = tuple[tuple[str | int, ...], str]
"""The path of a key below ``smoke.journeys``, and what is wrong there."""


def mistakes_in(journeys: Sequence[DeclaredJourney]) -> Iterator[Said]:
    """Everything in the journeys that cannot be meant."""
    names, kept = set[str](), {*GIVEN}
    for number, journey in enumerate(journeys):
        if journey.name in names:
            yield (number, "name"), f"is {journey.name!r} again; a finding names a journey by it"
        names.add(journey.name)
        if not (journey.sign_in or journey.steps):
            yield (number,), "does nothing: say `sign_in` or `steps`"
        if journey.fresh:
            kept = {*GIVEN}
        yield from (((number, *path), says) for path, says in _of_variables(journey))
        for place, step in enumerate(journey.steps):
            yield from (((number, "steps", place, *path), says) for path, says in _of_step(step, kept))
            kept |= {*step.keep}


def mistakes_beside(journeys: object) -> Iterator[Said]:
    """Those that can be told of journeys as they stand in the file, when their types are not right either."""
    for number, journey in enumerate(journeys if isinstance(journeys, list) else ()):
        if not isinstance(journey, dict):
            continue
        sent = [*texts_in(journey.get("steps")), *texts_in(journey.get("using"))]
        yield from (((number,), says) for says in _not_sent(named_in(sent)))
        steps = journey.get("steps")
        for place, step in enumerate(steps if isinstance(steps, list) else ()):
            if isinstance(step, dict) and isinstance(step.get("path"), str):
                yield from (((number, "steps", place, "path"), says) for says in _of_path(step["path"]))


def _not_sent(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if not SENT.fullmatch(name):
            yield f"names ${name}; only variables that begin with SMOKE_ go to a site"


def _of_path(path: str) -> Iterator[str]:
    if not path.startswith(("/", "{")):
        yield f"is {path!r}; a path begins with a slash: /{path.lstrip('/')}"
    if VARIABLE.search(path):
        yield "has a variable, and addresses are logged; send it in `headers`, `form` or `json`"


def _of_variables(journey: DeclaredJourney) -> Iterator[Said]:
    yield from (((), says) for says in _not_sent(variables_in(journey)))
    if journey.sign_in in ("nextauth", "authjs"):
        yield from ((("using", *path), says) for path, says in _bare("fields", journey.using.fields, SECRET_FIELD))
    elif journey.sent_to_sign_in and not VARIABLE.search(journey.sent_to_sign_in):
        yield ("using", "value"), "is a secret as it stands; say it by a variable, e.g. $SMOKE_TOKEN"


def _of_step(step: JourneyStep, kept: Iterable[str]) -> Iterator[Said]:
    yield from ((("path",), says) for says in _of_path(step.path))
    sends = [key for key in SENDS if getattr(step, key) not in ({}, None, "")]
    if len(sends) > 1:
        yield (sends[1],), f"is sent beside `{sends[0]}`; a request has one body"
    if sends and step.verb in BODILESS:
        yield ("method",), f"is {step.verb}, which sends no `{sends[0]}`"
    yield from _bare("headers", step.headers, re.compile("|".join(SECRET_HEADERS), re.IGNORECASE))
    yield from _bare("form", step.form, SECRET_FIELD)
    if isinstance(step.json, dict):
        yield from _bare("json", {key: v for key, v in step.json.items() if isinstance(v, str)}, SECRET_FIELD)
    for key in ("path", *SENDS, "headers", "expect"):
        for name in dict.fromkeys(name for text in texts_in(getattr(step, key)) for name in PLACE.findall(text)):
            if name not in kept:
                yield (key,), f"uses {{{name}}}, which no step before this one keeps"
    for name, where in step.keep.items():
        yield from ((("keep", name), says) for says in _of_kept(name, where))


def _bare(key: str, texts: dict[str, str], secret: re.Pattern[str]) -> Iterator[Said]:
    """Values that look like secrets and stand there themselves."""
    for name, text in texts.items():
        if secret.search(name) and text and not (VARIABLE.search(text) or PLACE.search(text)):
            yield (key, name), "is a secret as it stands; say it by a variable, e.g. $SMOKE_TOKEN"


def _of_kept(name: str, where: KeptValue) -> Iterator[str]:
    if name in GIVEN:
        yield f"is there from the start: {{{name}}}; call it otherwise"
    if not PLACE.fullmatch(f"{{{name}}}"):
        yield "is no name: small letters, digits and _"
    if sum(bool(value) for value in vars(where).values()) != 1:
        yield "stands in one place: say `json`, `header`, `html` or `cookie`"

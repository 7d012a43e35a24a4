"""Matches one route of a ``config.json``: does it concern a request, and what does it make of it?"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

PHASES = ("", "filesystem", "miss", "rewrite", "resource", "hit", "error")
"""What a route can come after; those before any ``handle`` come under the empty name."""

REMEMBERED = 512  # paths of a phase


@dataclass(frozen=True)
class Asked:
    """A request as routes see it: ``path`` as it was sent, with its ``%``, ``headers`` by lower case name."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> "Asked":
        """Read the request out of an ASGI scope."""
        raw = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0]
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        return cls(scope["method"], raw.decode("latin-1"), scope.get("query_string", b"").decode("latin-1"), headers)

    def values(self, kind: str, key: str) -> list[str]:
        """The values that the request holds of that ``kind``: header, cookie, query or host."""
        if kind == "query":
            return [value for name, value in parse_qsl(self.query, keep_blank_values=True) if name == key]
        if kind == "cookie":
            return [one.value for name, one in _cookies(self.headers.get("cookie", "")).items() if name == key]
        name = "host" if kind == "host" else key.lower()
        return [self.headers[name]] if name in self.headers else []


@dataclass
class Walk:
    """The state of a request on its way through the routes. ``headers`` are by lower case name."""

    asked: Asked
    path: str
    query: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    important: set[str] = field(default_factory=set)
    """Names of headers that win over those of the function."""
    cookies: list[str] = field(default_factory=list)
    """The values of ``set-cookie`` that middleware added."""
    changed: bool = False
    """Whether the headers of ``asked`` are other ones than those that were sent."""

    @property
    def redirects(self) -> bool:
        return 300 <= self.status < 400 and "location" in self.headers

    def send_on(self, headers: Mapping[str, str]) -> None:
        """Have everything that comes after see other ``headers`` of the request."""
        self.asked, self.changed = replace(self.asked, headers=dict(headers)), True


class Route:
    """A route as it is in the file, with its expression compiled. Raises ValueError when that cannot be."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        source = str(given.get("src", ".*"))
        try:
            self._src = re.compile(_named(source), 0 if given.get("caseSensitive") else re.IGNORECASE)
        except re.error as error:
            raise ValueError(f"config.json: the route {source} is no expression: {error}") from error
        self.status = int(given.get("status") or 0)
        self.checks = bool(given.get("check"))
        self.middleware = str(given.get("middlewarePath") or given.get("middleware") or "").strip("/")
        self.leads = "dest" in given
        ends = self.leads or self.status or self.middleware or self.checks or "transforms" not in given
        self.continues = bool(given.get("continue")) or not ends
        """Also when it only transforms: so the build writes those of server actions, and middleware stands behind."""
        self.wins = bool(given.get("override") or given.get("important"))

    def on(self, path: str) -> dict[str, str] | None:
        """Match a path: the groups by number and name; None when the route does not concern it."""
        found = self._src.fullmatch(path)
        if not found:
            return None
        groups = {str(number): value or "" for number, value in enumerate(found.groups(), 1)}
        return groups | {name: value or "" for name, value in found.groupdict().items()}

    def holds(self, walk: Walk, groups: dict[str, str]) -> dict[str, str] | None:
        """Match the rest of a request whose path gave ``groups``, and add those of ``has``; None when it does not."""
        if walk.asked.method not in self._given.get("methods", [walk.asked.method]):
            return None
        groups = dict(groups)
        for condition in self._given.get("has") or ():
            held = _holds(condition, walk.asked)
            if held is None:
                return None
            groups |= held
        if any(_holds(condition, walk.asked) is not None for condition in self._given.get("missing") or ()):
            return None
        return groups

    def in_language(self, walk: Walk) -> str:
        """The path of this page in the language of the visitor; empty when this is it, or the route knows of none."""
        locale = self._given.get("locale")
        if not locale:
            return ""
        paths = {str(name).lower(): str(path) for name, path in (locale.get("redirect") or {}).items()}
        wanted = [*walk.asked.values("cookie", str(locale.get("cookie"))), *_languages(walk.asked)]
        known = [one.lower() for one in wanted if one.lower() in paths]
        return paths[known[0]] if known and paths[known[0]] != walk.path else ""

    def apply(self, walk: Walk, groups: Mapping[str, str], before: frozenset[str]) -> None:
        """Change the walk as the route says.

        Headers set in an earlier phase, ``before``, stay unless this route overrides.
        """
        for name, value in (self._given.get("headers") or {}).items():
            if name.lower() not in before or self.wins:
                walk.headers[name.lower()] = _put(str(value), groups)
            if self._given.get("important"):
                walk.important.add(name.lower())
        walk.status = self.status or walk.status
        if self.leads:
            path, _, query = str(self._given["dest"]).partition("?")
            walk.path = _put(path, groups)
            added = _put(query, {name: re.sub("[&+#]", _escaped, value) for name, value in groups.items()})
            walk.query = "&".join(part for part in (walk.query, added) if part)
            if not walk.path.startswith(("/", "http:", "https:")):
                walk.path = "/" + walk.path
        for transform in self._given.get("transforms") or ():
            _transform(transform, walk, groups)


def _transform(transform: Mapping[str, Any], walk: Walk, groups: Mapping[str, str]) -> None:
    """Set, append or delete one header or one value of the query, as a route's ``transforms`` say."""
    kind, operation = str(transform.get("type")), str(transform.get("op"))
    wanted, given = transform.get("target", {}).get("key"), transform.get("args", "")
    values = [_put(str(value), groups) for value in (given if isinstance(given, list) else [given])]
    if kind == "request.query":
        pairs = parse_qsl(walk.query, keep_blank_values=True)
        kept = [pair for pair in pairs if operation == "append" or not _names(wanted, pair[0])]
        added = [] if operation == "delete" else [(str(wanted), value) for value in values]
        walk.query = urlencode(kept + added)
        return
    headers = dict(walk.asked.headers if kind == "request.headers" else walk.headers)
    name = str(wanted).lower()
    if operation == "delete":
        headers = {key: value for key, value in headers.items() if not _names(wanted, key)}
    elif operation == "append" and name in headers:
        headers[name] = ", ".join([headers[name], *values])
    else:
        headers[name] = ", ".join(values)
    if kind == "request.headers":
        walk.send_on(headers)
    else:
        walk.headers = headers


def _languages(asked: Asked) -> list[str]:
    """The languages that a visitor reads, the best first."""
    found = []
    for one in asked.headers.get("accept-language", "").split(","):
        name, _, quality = one.partition(";")
        try:
            found.append((name.strip(), float(quality.partition("=")[2] or 1)))
        except ValueError:
            continue
    return [name for name, quality in sorted(found, key=lambda pair: -pair[1]) if quality > 0]


def _names(wanted: Any, name: str) -> bool:
    """Whether a transform's key, a name or a comparison, means ``name``."""
    if isinstance(wanted, dict):
        return all(_COMPARED[one](name, against) for one, against in wanted.items())
    return str(wanted).lower() == name.lower()


class Phase:
    """The routes between two ``handle``; which of them a path concerns is remembered."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes, self._on = tuple(routes), lru_cache(REMEMBERED)(self._find)

    def concerning(self, walk: Walk) -> Iterator[tuple[Route, dict[str, str]]]:
        """Go through the routes that concern a request, with their groups; they may change it meanwhile."""
        place = 0
        while place < len(self._routes):
            path = walk.path
            for at, route, groups in self._on(path):
                held = route.holds(walk, groups) if at >= place else None
                if held is not None:
                    place = at + 1
                    yield route, held
                    if walk.path != path:
                        break
            else:
                return

    def _find(self, path: str) -> tuple[tuple[int, Route, dict[str, str]], ...]:
        found = ((at, route, route.on(path)) for at, route in enumerate(self._routes))
        return tuple((at, route, groups) for at, route, groups in found if groups is not None)


def phases(routes: list[dict[str, Any]]) -> dict[str, Phase]:
    """Sort the routes by the ``handle`` they come after."""
    found: dict[str, list[Route]] = {name: [] for name in PHASES}
    now = ""
    for given in routes:
        if "handle" in given:
            now = str(given["handle"])
        else:
            found.setdefault(now, []).append(Route(given))
    return {name: Phase(routes) for name, routes in found.items()}


def conditions_hold(conditions: list[dict[str, Any]], asked: Asked) -> bool:
    """Whether any of the conditions holds for a request."""
    return any(_holds(condition, asked) is not None for condition in conditions)


def _holds(condition: Mapping[str, Any], asked: Asked) -> dict[str, str] | None:
    """Match the value's expression and give its groups, when the request holds what the condition names; else None."""
    wanted = condition.get("value")
    for value in asked.values(str(condition.get("type")), str(condition.get("key", ""))):
        if wanted is None:
            return {}
        if isinstance(wanted, dict):
            if all(_COMPARED[name](value, against) for name, against in wanted.items()):
                return {}
        elif found := re.fullmatch(_named(str(wanted)), value):
            return {name: part or "" for name, part in found.groupdict().items()}
    return None


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, Any], bool]:
    def compared(value: str, against: Any) -> bool:
        try:
            return compare(float(value), float(against))
        except ValueError:
            return False

    return compared


_COMPARED: dict[str, Callable[[str, Any], bool]] = {
    "eq": lambda value, against: value == str(against),
    "neq": lambda value, against: value != str(against),
    "inc": lambda value, against: value in against,
    "ninc": lambda value, against: value not in against,
    "pre": lambda value, against: value.startswith(against),
    "suf": lambda value, against: value.endswith(against),
    "re": lambda value, against: bool(re.fullmatch(_named(against), value)),
    "gt": _number(operator.gt),
    "gte": _number(operator.ge),
    "lt": _number(operator.lt),
    "lte": _number(operator.le),
}


def _named(expression: str) -> str:
    """Translate JavaScript's ``(?<name>`` to Python's ``(?P<name>`` in an expression."""
    return re.sub(r"\(\?<(?![=!])", "(?P<", expression)


def _put(text: str, groups: Mapping[str, str]) -> str:
    """Fill ``$1`` and ``$name`` in a text with the groups of a match."""
    return re.sub(r"\$(\w+)", lambda reference: groups.get(reference[1], ""), text)


def _escaped(match: re.Match[str]) -> str:
    return f"%{ord(match[0]):02X}"


def _cookies(header: str) -> SimpleCookie:
    try:
        return SimpleCookie(header)
    except CookieError:
        return SimpleCookie()

"""``invoke logs``: what a build or a deployment's functions said, filtered, with Pino's JSON lines made readable."""

import datetime
import fnmatch
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.clients.vercelshapes import LogLine
from pipeline.errors import Mistake

LEVELS = ("trace", "debug", "info", "warning", "error", "fatal")
PINO = {10: "trace", 20: "debug", 30: "info", 40: "warning", 50: "error", 60: "fatal"}
OWN = frozenset({"level", "time", "msg", "message", "pid", "hostname", "v", "name"})
AGO = re.compile(r"^(\d+)(s|m|h|d)$")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Filter:
    """What is wanted. ``level``: this one and graver. ``path``: with ``*``. ``status``: ``404`` or ``5xx``.

    ``since`` and ``until``: ms since 1970, 0 for no bound. ``text``: anywhere in the line, whatever its case.
    """

    level: str = ""
    path: str = ""
    status: str = ""
    since: int = 0
    until: int = 0
    text: str = ""

    def wants(self, line: LogLine) -> bool:
        """Whether ``line`` passes."""
        return (
            (not self.level or LEVELS.index(line.level) >= LEVELS.index(self.level))
            and (not self.path or fnmatch.fnmatchcase(line.path.partition("?")[0], self.path))
            and (not self.status or _is_status(line.status, self.status))
            and (not self.since or line.at >= self.since)
            and (not self.until or line.at <= self.until)
            and self.text.lower() in line.message.lower()
        )


def filter_of(level: str, path: str, status: str, since: str, until: str, text: str, now: datetime.datetime) -> Filter:
    """A filter of what was typed. Raises Mistake."""
    level = {"warn": "warning"}.get(level, level)
    if level and level not in LEVELS:
        raise Mistake(f"--level {level}: expected one of {', '.join(LEVELS)}")
    if status and not re.fullmatch(r"[1-5](\d\d|xx)", status):
        raise Mistake(f"--status {status}: expected a status such as 404, or a class such as 5xx")
    return Filter(level, path, status, moment("--since", since, now), moment("--until", until, now), text)


def moment(option: str, text: str, now: datetime.datetime) -> int:
    """``15m`` ago, or an ISO 8601 time (UTC when it says no zone), as ms since 1970; 0 for nothing. Raises Mistake."""
    if not text:
        return 0
    ago = AGO.match(text)
    if ago:
        return round((now.timestamp() - int(ago[1]) * SECONDS[ago[2]]) * 1000)
    try:
        at = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise Mistake(f"{option} {text}: expected e.g. 15m, 2h, or 2026-11-23T02:10") from None
    return round((at if at.tzinfo else at.replace(tzinfo=datetime.UTC)).timestamp() * 1000)


def _is_status(status: int, wanted: str) -> bool:
    return status // 100 == int(wanted[0]) if wanted.endswith("xx") else status == int(wanted)


def readable(line: LogLine) -> LogLine:
    """The same with what a Pino line says: its level, its message, and its other fields as ``key=value``."""
    level = line.level if line.level in LEVELS else {"warn": "warning", "stderr": "error"}.get(line.level, "info")
    found = _pino(line.message)
    if found is None:
        return LogLine(line.at, level, line.message, line.method, line.path, line.status, line.source)
    said = str(found.get("msg") or found.get("message") or "")
    rest = [f"{key}={_short(value)}" for key, value in found.items() if key not in OWN]
    level = PINO.get(found["level"], level) if isinstance(found["level"], int) else str(found["level"])
    level = level if level in LEVELS else "info"
    return LogLine(line.at, level, " ".join([said, *rest]), line.method, line.path, line.status, line.source)


def _pino(message: str) -> Mapping[str, Any] | None:
    if not message.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(message)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "level" in found else None


def _short(value: Any) -> str:
    if isinstance(value, dict) and "message" in value:  # Pino's error serialiser
        return str(value["message"])
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


async def following(lines: AsyncIterator[LogLine], wanted: Filter) -> AsyncIterator[LogLine]:
    """Those that ``wanted`` wants, readable, as they come."""
    async for raw in lines:
        if wanted.wants(line := readable(raw)):
            yield line


async def matching(lines: AsyncIterator[LogLine], wanted: Filter) -> list[LogLine]:
    """Those that ``wanted`` wants, readable, oldest first; what came over several lines stays in order."""
    found = [line async for raw in lines if wanted.wants(line := readable(raw))]
    return sorted(found, key=lambda line: line.at)

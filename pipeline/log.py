"""Logs, for whoever debugs this tool: ``DEPLOY_LOG=debug ./inv …`` writes them to stderr. The journal is the record.

A short event and key-values. structlog is loaded only when somebody wants to read them.
"""

import sys
from collections.abc import Callable, MutableMapping
from typing import Any

from pipeline.redact import Redactor, one_line

LEVELS = ("debug", "info", "warning")
_emit: dict[str, Callable[..., None]] = {}


def configure(level: str, redactor: Redactor) -> None:
    """Write events of ``level`` and above to stderr, every value redacted. Anything but a level switches logs off."""
    _emit.clear()
    if level not in LEVELS:
        return
    import structlog

    def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {key: _inert(redactor.deep(value)) for key, value in event.items()}

    logger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
    )
    for name in LEVELS[LEVELS.index(level) :]:
        _emit[name] = getattr(logger, name)


def _inert(value: Any) -> Any:
    return one_line(value if isinstance(value, str) else repr(value)) if isinstance(value, str | list | dict) else value


def debug(event: str, **values: Any) -> None:
    """Log what happened in detail, e.g. every request."""
    if emit := _emit.get("debug"):
        emit(event, **values)


def info(event: str, **values: Any) -> None:
    """Log what somebody who follows a run wants to know."""
    if emit := _emit.get("info"):
        emit(event, **values)


def warning(event: str, **values: Any) -> None:
    """Log what was odd, though it was dealt with."""
    if emit := _emit.get("warning"):
        emit(event, **values)

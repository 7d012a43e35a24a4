"""Takes in events: envelopes that SDKs send, with the public key of the DSN."""

import gzip
import json
import re
import zlib
from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox import errortracking
from pipeline.sandbox.core import Core
from pipeline.sandbox.web import Payload, Problem, Router

INGEST = re.compile(r"/api/\d+/(envelope|store)/")
KEY = re.compile(r"sentry_key=([^,\s&]+)")


class Ingest:
    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self, router: Router) -> None:
        router.add("POST", "/api/{project}/envelope/", self.envelope)
        router.add("POST", "/api/{project}/store/", self.store)

    async def envelope(self, request: Request) -> Response:
        """Keep only the errors of an envelope: sessions and spans come from the app's real traffic."""
        raw = _plain(request, await request.body())
        header = _object(raw.partition(b"\n")[0])
        self._authorize(request, str(header.get("dsn") or ""))
        for kind, payload in _items(raw):
            if kind == "event":
                self._keep(_object(payload))
        return JSONResponse({"id": header["event_id"]} if header.get("event_id") else {})

    async def store(self, request: Request) -> Response:
        """Keep one event, as SDKs sent them before there were envelopes."""
        self._authorize(request, "")
        event = _object(_plain(request, await request.body()))
        self._keep(event)
        return JSONResponse({"id": event.get("event_id")})

    def _authorize(self, request: Request, dsn: str) -> None:
        sent = [request.headers.get("x-sentry-auth", ""), request.url.query, request.headers.get("authorization", "")]
        keys = [match[1] for text in sent if (match := KEY.search(text))]
        keys += [match[1] for match in [re.match(r"https?://([^:@/]+)", dsn)] if match]
        if not keys:
            raise Problem(401, {"detail": "missing authorization information"})
        sentry = self._core.state.sentry
        if (request.path_params["project"], keys[0]) != (sentry.project_id, sentry.key):
            raise Problem(403, {"detail": "event submission rejected with_reason: ProjectId"})

    def _keep(self, event: Payload) -> None:
        exception = event.get("exception") or {}
        raised = (exception.get("values") if isinstance(exception, dict) else exception) or []
        message = _message(event)
        title = message.splitlines()[0] if message else "<unlabeled event>"
        if raised:
            title = ": ".join(str(raised[-1].get(part)) for part in ("type", "value") if raised[-1].get(part))
        transaction = str(event.get("transaction") or "")
        errortracking.capture(
            self._core,
            title,
            transaction or _place(raised),
            str(event.get("release") or ""),
            str(event.get("environment") or "production"),
            str(event.get("level") or "error"),
            message=message,
            transaction=transaction,
            id=str(event.get("event_id") or ""),
        )


def _plain(request: Request, raw: bytes) -> bytes:
    """Decompress a body. Raises ValueError."""
    try:
        match request.headers.get("content-encoding", ""):
            case "gzip":
                return gzip.decompress(raw)
            case "deflate":
                return zlib.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"invalid event envelope: {error}") from None
    return raw


def _items(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Split an envelope into (type, payload) of items: a line of JSON, then so many bytes as it says, or one line."""
    rest = raw.partition(b"\n")[2]
    while rest.strip():
        line, _, rest = rest.lstrip(b"\n").partition(b"\n")
        header = _object(line)
        length = header.get("length")
        size = int(length) if length is not None else len(rest.partition(b"\n")[0])
        if size > len(rest):
            raise ValueError("invalid event envelope: it ends too early")
        yield str(header.get("type")), rest[:size]
        rest = rest[size:]


def _object(raw: bytes) -> Payload:
    try:
        found = json.loads(raw)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError("invalid event envelope: not a JSON object")
    return found


def _message(event: Payload) -> str:
    entry = event.get("logentry") or event.get("message") or ""
    return str(entry.get("formatted") or entry.get("message") or "") if isinstance(entry, dict) else str(entry)


def _place(raised: list[Payload]) -> str:
    """Find where the last exception was raised: the newest frame of the app's own code."""
    frames = ((raised[-1].get("stacktrace") or {}).get("frames") or []) if raised else []
    own = [frame for frame in frames if frame.get("in_app")] or frames
    return f"{own[-1].get('function') or '?'}({own[-1].get('module') or own[-1].get('filename') or ''})" if own else ""

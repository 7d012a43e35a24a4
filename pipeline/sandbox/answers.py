"""What the platform itself says in an answer: its pages for what failed, its headers, and how files are sent."""

import hashlib
import json
import re

from starlette.responses import Response
from starlette.types import Message, Send

from pipeline.sandbox.core import Core
from pipeline.sandbox.found import Found
from pipeline.sandbox.middleware import Answered
from pipeline.sandbox.routing import Asked

SAYS = {
    "DEPLOYMENT_NOT_FOUND": "The deployment could not be found on Vercel.",
    "DEPLOYMENT_ERROR": "The deployment failed to build.",
    "DEPLOYMENT_NOT_READY_REDIRECTING": "The deployment is still building.",
    "FUNCTION_INVOCATION_FAILED": "A server error has occurred.",
    "FUNCTION_INVOCATION_TIMEOUT": "An error occurred with your deployment.",
    "FUNCTION_PAYLOAD_TOO_LARGE": "The request's body is larger than a function takes.",
    "MIDDLEWARE_INVOCATION_FAILED": "A server error has occurred.",
    "MIDDLEWARE_INVOCATION_TIMEOUT": "An error occurred with your deployment.",
    "INVALID_REQUEST_METHOD": "This request was made with an invalid method.",
    "NOT_FOUND": "The page could not be found.",
}
ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Watched:
    """Wraps a ``send``: it adds the platform's headers and remembers the status."""

    def __init__(self, send: Send, deployment: str, core: Core) -> None:
        self._send, self._deployment = send, deployment
        self.status, self.route = 0, ""
        self.found = Found()
        self.id = f"iad1::{deployment[4:9].lower()}-{round(core.now() * 1000)}"

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.found.status >= 400 and self.status == 200:  # the page that an error route named
                self.status = self.found.status
            wins = self.found.important
            sent = [(n, v) for n, v in message.get("headers", []) if n.lower().decode("latin-1") not in wins]
            cookies = {v.decode("latin-1") for n, v in sent if n.lower() == b"set-cookie"}
            own = {name.lower().decode("latin-1") for name, _ in sent}
            added = [
                ("server", "Vercel"),
                ("x-vercel-id", self.id),
                ("x-deployment-id", self._deployment),
                *((name, value) for name, value in self.found.headers if name.lower() not in own - {"vary"}),
                *(("set-cookie", value) for value in self.found.cookies if value not in cookies),
            ]
            headers = [*sent, *((n.lower().encode(), v.encode("latin-1")) for n, v in added)]
            message = {**message, "status": self.status, "headers": headers}
        await self._send(message)


def platform_page(code: str, status: int = 404) -> Response:
    """The platform's own page for what it could not answer."""
    text = f"{SAYS[code]}\n\n{code}\n"
    return Response(text, status, {"x-vercel-error": code}, media_type="text/plain; charset=utf-8")


def plain_error(status: int, says: str) -> Response:
    """Send an answer of the app that a fault made."""
    return Response(json.dumps({"error": says}), status, media_type="application/json")


def file_answer(content: bytes, sha: str, asked: Asked, status: int, headers: dict[str, str]) -> Response:
    """Send a file: whole, a part of it, or word that the visitor's copy is still right."""
    etag = f'"{sha[:32]}"'
    headers = {"accept-ranges": "bytes", **headers, "etag": etag}
    if status != 200:
        return Response(content, status, headers)
    if _known(asked, etag):
        return Response(None, 304, headers)
    part = ONE_RANGE.fullmatch(asked.headers.get("range", ""))
    if part is None or part[1] == part[2] == "":
        return Response(content, status, headers)
    first = int(part[1]) if part[1] else max(0, len(content) - int(part[2]))
    last = min(int(part[2]), len(content) - 1) if part[1] and part[2] else len(content) - 1
    if first > last:
        return Response(None, 416, {**headers, "content-range": f"bytes */{len(content)}"})
    return Response(
        content[first : last + 1], 206, {**headers, "content-range": f"bytes {first}-{last}/{len(content)}"}
    )


def page_answer(answered: Answered, asked: Asked) -> Answered:
    """The answer of a page that is kept: whole, or word that the visitor's copy is still right."""
    if answered.status != 200:
        return answered
    etag = answered.header("etag") or f'"{hashlib.sha1(answered.body, usedforsecurity=False).hexdigest()[:32]}"'
    headers = (*(pair for pair in answered.headers if pair[0] != "etag"), ("etag", etag))
    if not _known(asked, etag):
        return Answered(200, headers, answered.body)
    return Answered(304, tuple(pair for pair in headers if pair[0] not in ("content-type", "content-length")))


def _known(asked: Asked, etag: str) -> bool:
    """Whether the visitor has that version already, as ``if-none-match`` says."""
    known = [one.strip().removeprefix("W/") for one in asked.headers.get("if-none-match", "").split(",")]
    return etag.removeprefix("W/") in known or "*" in known


def title(message: str) -> str:
    """Find the line that names the error: the last of a Python traceback, the first that says so of a Node one."""
    lines = [line.strip() for line in message.strip().splitlines()]
    named = (line for line in lines if re.match(r"(⨯ |Uncaught )*(\w*Error|\w*Exception)\b", line))
    first = lines[-1] if lines[0].startswith("Traceback") else next(named, lines[-1])
    return re.sub(r"^(⨯ |Uncaught )+", "", first)

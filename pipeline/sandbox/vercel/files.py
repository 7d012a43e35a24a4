"""Takes uploads: one file per request, named by the SHA-1 of its content."""

import hashlib

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core
from pipeline.sandbox.vercel.shapes import problem
from pipeline.sandbox.web import Router

MOST_BYTES = 100_000_000


class Files:
    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self, router: Router) -> None:
        router.add("POST", "/v{v}/files", self.upload)

    async def upload(self, request: Request) -> Response:
        """Keep an uploaded file. The command line sends x-now-digest, the SDK x-vercel-digest; both are the same."""
        headers = request.headers
        digest = headers.get("x-now-digest") or headers.get("x-vercel-digest") or ""
        if not digest:
            raise problem(400, "bad_request", "The `x-now-digest` header is missing.")
        content = await _limited(request)
        size = headers.get("x-now-size") or headers.get("content-length") or ""
        if size and int(size) != len(content):
            raise problem(400, "size_mismatch", f"Expected {size} bytes and got {len(content)}.")
        sha = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        if sha != digest:
            raise problem(400, "digest_mismatch", f"The digest of the content is {sha}, not {digest}.")
        self._core.blobs.put(content, sha)
        request.scope["changes_nothing"] = True  # the state knows a file only when a deployment names it
        return JSONResponse({"urls": []})


async def _limited(request: Request) -> bytes:
    """Read the body. Raises Problem as soon as it is too large."""
    parts, total = list[bytes](), 0
    async for part in request.stream():
        total += len(part)
        if total > MOST_BYTES:
            says = f"File size limit exceeded ({MOST_BYTES} bytes)"
            raise problem(413, "size_limit_exceeded", says, sizeLimit=MOST_BYTES)
        parts.append(part)
    return b"".join(parts)

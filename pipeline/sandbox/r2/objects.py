"""Writes, reads in whole or in part, and deletes objects, under the conditions that their headers name."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from email.utils import formatdate, parsedate_to_datetime
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from pipeline.sandbox.core import Core, iso
from pipeline.sandbox.r2 import markup
from pipeline.sandbox.r2.markup import Node, S3Problem, no_such_bucket, no_such_key
from pipeline.sandbox.storestate import Stored

KEPT = ("content-type", "cache-control", "content-disposition", "content-encoding", "content-language", "expires")
META = "x-amz-meta-"
MOST_DELETED = 1000
LONGEST_KEY = 1024  # bytes


class Objects:
    def __init__(self, core: Core) -> None:
        self._core = core

    def put(self, request: Request, key: str, content: bytes) -> Response:
        if "x-amz-copy-source" in request.headers:
            return self._copy(request, key)
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        stored = Stored(self._core.blobs.put(content), len(content), etag, self._core.now(), kept(request.headers))
        self.store(request.headers, key, stored)
        return Response(None, 200, {"etag": f'"{etag}"'})

    def _copy(self, request: Request, key: str) -> Response:
        bucket, _, source = unquote(request.headers["x-amz-copy-source"]).lstrip("/").partition("/")
        if bucket != self._core.state.r2.bucket:
            raise no_such_bucket()
        found = self._core.state.r2.objects.get(source)
        if found is None:
            raise no_such_key(source)
        replaces = request.headers.get("x-amz-metadata-directive") == "REPLACE"
        headers = kept(request.headers) if replaces else found.headers
        self.store(request.headers, key, replace(found, modified=self._core.now(), headers=headers))
        modified: Node = ("LastModified", iso(self._core.now()))
        return markup.answer("CopyObjectResult", [modified, ("ETag", f'"{found.etag}"')])

    def store(self, headers: Mapping[str, str], key: str, stored: Stored) -> None:
        """Store an object. Raises S3Problem when a condition of the request does not hold."""
        if len(key.encode()) > LONGEST_KEY:
            raise S3Problem(400, "KeyTooLongError", "Your key is too long")
        objects = self._core.state.r2.objects
        now = objects.get(key)
        if not _holds(headers, now) or (now and _is_one_of(headers.get("if-none-match"), now)):
            raise S3Problem(412, "PreconditionFailed", "At least one of the pre-conditions did not hold")
        objects[key] = stored

    def get(self, request: Request, key: str, content: bytes) -> Response:
        stored = self._found(request, key)
        if _is_one_of(request.headers.get("if-none-match"), stored) or _not_since(request, stored):
            return Response(None, 304, {"etag": f'"{stored.etag}"'})
        headers = shown(stored)
        for name, value in request.query_params.items():
            if name.startswith("response-"):
                headers[name.removeprefix("response-")] = value
        whole = self._core.blobs.read(stored.sha)
        first, last = _range(request.headers.get("range", ""), stored.size)
        if (first, last) == (0, -1):
            return Response(whole, 200, headers)
        headers["content-range"] = f"bytes {first}-{last}/{stored.size}"
        return Response(whole[first : last + 1], 206, headers)

    def head(self, request: Request, key: str, content: bytes) -> Response:
        stored = self._found(request, key)
        if _is_one_of(request.headers.get("if-none-match"), stored) or _not_since(request, stored):
            return Response(None, 304, {"etag": f'"{stored.etag}"'})
        return Response(None, 200, {**shown(stored), "content-length": str(stored.size)})

    def delete(self, request: Request, key: str, content: bytes) -> Response:
        """Delete an object; also says yes when there was nothing: S3 deletes are idempotent."""
        self._core.state.r2.objects.pop(key, None)
        return Response(None, 204)

    def delete_many(self, request: Request, key: str, content: bytes) -> Response:
        keys = [named.get("Key", "") for named in markup.read(content, "Object")]
        if not 0 < len(keys) <= MOST_DELETED:
            raise S3Problem(400, "MalformedXML", f"There must be 1 to {MOST_DELETED} keys")
        for named in keys:
            self._core.state.r2.objects.pop(named, None)
        quiet = markup.says(content, "Quiet") == "true"
        deleted: list[Node] = [] if quiet else [("Deleted", [("Key", named)]) for named in keys]
        return markup.answer("DeleteResult", deleted)

    def _found(self, request: Request, key: str) -> Stored:
        stored = self._core.state.r2.objects.get(key)
        if stored is None:
            raise no_such_key(key)
        if not _holds(request.headers, stored):
            raise S3Problem(412, "PreconditionFailed", "At least one of the pre-conditions did not hold")
        return stored


def kept(headers: Mapping[str, str]) -> dict[str, str]:
    """Keep the headers of a write that are given back by every read."""
    found = {name: value for name, value in headers.items() if name in KEPT or name.startswith(META)}
    coding = [one.strip() for one in found.pop("content-encoding", "").split(",")]
    rest = ", ".join(one for one in coding if one not in ("", "aws-chunked"))
    return {"content-type": "application/octet-stream", **found, **({"content-encoding": rest} if rest else {})}


def shown(stored: Stored) -> dict[str, str]:
    modified = formatdate(stored.modified, usegmt=True)
    return {**stored.headers, "etag": f'"{stored.etag}"', "last-modified": modified, "accept-ranges": "bytes"}


def _is_one_of(tags: str | None, stored: Stored) -> bool:
    """Whether an If-(None-)Match header means this object."""
    return tags is not None and (
        tags.strip() == "*" or stored.etag in [tag.strip().strip('"') for tag in tags.split(",")]
    )


def _holds(headers: Mapping[str, str], stored: Stored | None) -> bool:
    if "if-match" in headers and (stored is None or not _is_one_of(headers["if-match"], stored)):
        return False
    since = _date(headers.get("if-unmodified-since", ""))
    return not (since and stored and int(stored.modified) > since)


def _not_since(request: Request, stored: Stored) -> bool:
    since = _date(request.headers.get("if-modified-since", ""))
    return bool(since) and "if-none-match" not in request.headers and int(stored.modified) <= since


def _date(text: str) -> float:
    """Read a date as seconds since 1970; 0 for what is no date, as a condition that is not understood is ignored."""
    try:
        return parsedate_to_datetime(text).timestamp() if text else 0
    except ValueError:
        return 0


def _range(header: str, size: int) -> tuple[int, int]:
    """Read the first and last byte of a range; (0, -1) is all of it. Raises S3Problem for a range outside."""
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip())
    if not asked or asked[0] == "bytes=-":
        return 0, -1
    if not asked[1]:
        first, last = max(0, size - int(asked[2])), size - 1
    else:
        first, last = int(asked[1]), min(size - 1, int(asked[2] or size - 1))
    if first > last:
        says = "The requested range is not satisfiable"
        raise S3Problem(416, "InvalidRange", says, {"content-range": f"bytes */{size}"})
    return first, last

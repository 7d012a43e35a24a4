"""Answers ListObjectsV2: keys in the order of their bytes, folded at a delimiter, in pages."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from pipeline.sandbox.core import Core, iso
from pipeline.sandbox.r2 import markup
from pipeline.sandbox.r2.markup import Node, S3Problem
from pipeline.sandbox.storestate import Stored

MOST = 1000


@dataclass(frozen=True)
class Page:
    """A page that a list is cut into. ``items``: keys with their objects, and folded prefixes with None."""

    items: tuple[tuple[str, Stored | None], ...]
    truncated: bool


def listed(core: Core, request: Request) -> Response:
    query = request.query_params
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    token, most = query.get("continuation-token"), _most(query.get("max-keys", str(MOST)))
    after = _decoded(token) if token is not None else query.get("start-after", "")
    page = paged(core.state.r2.objects, prefix, delimiter, after, min(most, core.state.r2.most_listed))
    by_url = query.get("encoding-type") == "url"

    def text(value: str) -> str:
        return quote(value, safe="/-_.~") if by_url else value

    inside: list[Node] = [
        ("Name", core.state.r2.bucket), ("Prefix", text(prefix)), ("MaxKeys", most), ("KeyCount", len(page.items)),
        ("IsTruncated", "true" if page.truncated else "false"),
    ]  # fmt: skip
    optional = {"Delimiter": text(delimiter), "ContinuationToken": token or "", "EncodingType": "url" * by_url}
    optional["StartAfter"] = text(query.get("start-after", ""))
    optional["NextContinuationToken"] = _encoded(page.items[-1][0]) if page.truncated else ""
    inside += [(name, value) for name, value in optional.items() if value]
    for name, stored in page.items:
        inside.append(_contents(text(name), stored) if stored else ("CommonPrefixes", [("Prefix", text(name))]))
    return markup.answer("ListBucketResult", inside)


def paged(objects: dict[str, Stored], prefix: str, delimiter: str, after: str, most: int) -> Page:
    """Take the first ``most`` items behind ``after``, which is a key or a folded prefix."""
    found: list[tuple[str, Stored | None]] = []
    for item in _folded(objects, prefix, delimiter):
        if item[0].encode() <= after.encode() and after:
            continue
        if len(found) == most:
            return Page(tuple(found), bool(most))
        found.append(item)
    return Page(tuple(found), False)


def _folded(objects: dict[str, Stored], prefix: str, delimiter: str) -> Iterator[tuple[str, Stored | None]]:
    last = None
    for key in sorted((key for key in objects if key.startswith(prefix)), key=str.encode):
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        if end < 0:
            yield key, objects[key]
            continue
        folder = key[: end + len(delimiter)]
        if folder != last:
            yield folder, None
        last = folder


def _contents(key: str, stored: Stored) -> Node:
    return (
        "Contents",
        [
            ("Key", key),
            ("LastModified", iso(stored.modified)),
            ("ETag", f'"{stored.etag}"'),
            ("Size", stored.size),
            ("StorageClass", "STANDARD"),
        ],
    )


def _most(text: str) -> int:
    if not text.isdigit():
        raise S3Problem(400, "InvalidArgument", "max-keys is not a number")
    return min(int(text), MOST)


def _encoded(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _decoded(token: str) -> str:
    try:
        return base64.b64decode(token, b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise S3Problem(400, "InvalidArgument", "The continuation token provided is incorrect") from None

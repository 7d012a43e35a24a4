"""Takes the body of a signed request out of its chunks, and compares it with every digest that came with it."""

import base64
import hashlib
import zlib
from collections.abc import Callable, Mapping

from starlette.requests import Request

from pipeline.sandbox.r2.markup import S3Problem
from pipeline.sandbox.r2.signing import Seal, check

UNSIGNED = "UNSIGNED-PAYLOAD"
STREAMING = "STREAMING-"
DIGESTS: dict[str, Callable[[bytes], bytes]] = {
    "content-md5": lambda content: hashlib.md5(content, usedforsecurity=False).digest(),
    "x-amz-checksum-crc32": lambda content: zlib.crc32(content).to_bytes(4, "big"),
    "x-amz-checksum-sha1": lambda content: hashlib.sha1(content, usedforsecurity=False).digest(),
    "x-amz-checksum-sha256": lambda content: hashlib.sha256(content).digest(),
}


async def body(request: Request, seal: Seal) -> bytes:
    """Read the body that is to be stored or read. Raises S3Problem when it is not what was signed or promised."""
    raw, promised = await request.body(), seal.claim.payload
    if promised.startswith(STREAMING):
        content, trailers = _unchunked(raw, seal if "HMAC" in promised else None)
        if request.headers.get("x-amz-decoded-content-length", str(len(content))) != str(len(content)):
            raise S3Problem(400, "IncompleteBody", "The body is not as long as x-amz-decoded-content-length says.")
        _compare(content, trailers)
    else:
        content = raw
        if promised not in (UNSIGNED, hashlib.sha256(content).hexdigest()):
            says = "The provided 'x-amz-content-sha256' header does not match what was computed."
            raise S3Problem(400, "XAmzContentSHA256Mismatch", says)
    _compare(content, request.headers)
    _compare(content, {name.lower(): value for name, value in request.query_params.items()})  # of a presigned address
    return content


def _compare(content: bytes, headers: Mapping[str, str]) -> None:
    for name, digest in DIGESTS.items():
        given = headers.get(name)
        if given is not None and given != base64.b64encode(digest(content)).decode():
            raise S3Problem(400, "BadDigest", f"The {name} you specified did not match what we received.")


def _unchunked(raw: bytes, seal: Seal | None) -> tuple[bytes, dict[str, str]]:
    """Split an ``aws-chunked`` body into its content and its trailers.

    With a seal each chunk has a signature of its own.
    """
    content, offset, before = bytearray(), 0, seal.claim.signature if seal else ""
    while True:
        end = raw.find(b"\r\n", offset)
        head, _, signature = raw[offset : max(end, offset)].decode("latin-1").partition(";chunk-signature=")
        try:
            size = int(head, 16)
        except ValueError:
            raise S3Problem(400, "IncompleteBody", "The body ends before its last chunk.") from None
        chunk = raw[end + 2 : end + 2 + size]
        if len(chunk) < size:
            raise S3Problem(400, "IncompleteBody", "The body ends in the middle of a chunk.")
        if seal:
            before = seal.chunk(before, chunk)
            check(before, signature)
        offset = end + 2 + size
        if not size:
            return bytes(content), _trailers(raw[offset:], seal, before)
        content += chunk
        offset += 2


def _trailers(raw: bytes, seal: Seal | None, before: str) -> dict[str, str]:
    lines = [line for line in raw.decode("latin-1").replace("\r\n", "\n").split("\n") if line]
    found = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    signature = found.pop("x-amz-trailer-signature", "")
    if seal and found:
        check(seal.trailer(before, "".join(f"{name}:{value}\n" for name, value in found.items()).encode()), signature)
    return found

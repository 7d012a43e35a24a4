"""Answers multipart uploads: parts that are one object from the moment they are completed, and nothing before."""

import hashlib
import secrets

from starlette.requests import Request
from starlette.responses import Response

from pipeline.sandbox.core import Core
from pipeline.sandbox.r2 import markup
from pipeline.sandbox.r2.markup import S3Problem
from pipeline.sandbox.r2.objects import Objects, kept
from pipeline.sandbox.storestate import Part, Stored, Upload

SMALLEST = 5 * 1024 * 1024  # bytes, of every part but the last
MOST_PARTS = 10000


class Uploads:
    def __init__(self, core: Core, objects: Objects) -> None:
        self._core, self._objects = core, objects

    def create(self, request: Request, key: str, content: bytes) -> Response:
        id = secrets.token_urlsafe(48)
        self._core.state.r2.uploads[id] = Upload(key, self._core.now(), kept(request.headers))
        bucket = self._core.state.r2.bucket
        return markup.answer("InitiateMultipartUploadResult", [("Bucket", bucket), ("Key", key), ("UploadId", id)])

    def part(self, request: Request, key: str, content: bytes) -> Response:
        if "x-amz-copy-source" in request.headers:
            raise S3Problem(501, "NotImplemented", "UploadPartCopy is not emulated")
        _, upload = self._found(request, key)
        number = request.query_params.get("partNumber", "")
        if not number.isdigit() or not 1 <= int(number) <= MOST_PARTS:
            raise S3Problem(400, "InvalidArgument", "Part number must be an integer between 1 and 10000")
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        upload.parts[str(int(number))] = Part(self._core.blobs.put(content), len(content), etag)
        return Response(None, 200, {"etag": f'"{etag}"'})

    def complete(self, request: Request, key: str, content: bytes) -> Response:
        id, upload = self._found(request, key)
        parts = _chosen(upload, markup.read(content, "Part"))
        whole = b"".join(self._core.blobs.read(one.sha) for one in parts)
        digests = b"".join(bytes.fromhex(one.etag) for one in parts)
        etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
        stored = Stored(self._core.blobs.put(whole), len(whole), etag, self._core.now(), upload.headers)
        self._objects.store(request.headers, key, stored)
        del self._core.state.r2.uploads[id]
        bucket, where = self._core.state.r2.bucket, self._core.ports.url("r2")
        return markup.answer(
            "CompleteMultipartUploadResult",
            [("Location", f"{where}/{bucket}/{key}"), ("Bucket", bucket), ("Key", key), ("ETag", f'"{etag}"')],
        )

    def abort(self, request: Request, key: str, content: bytes) -> Response:
        id, _ = self._found(request, key)
        del self._core.state.r2.uploads[id]
        return Response(None, 204)

    def _found(self, request: Request, key: str) -> tuple[str, Upload]:
        id = request.query_params["uploadId"]
        upload = self._core.state.r2.uploads.get(id)
        if upload is None or upload.key != key:
            raise S3Problem(404, "NoSuchUpload", "The specified multipart upload does not exist.")
        return id, upload


def _chosen(upload: Upload, listed: list[dict[str, str]]) -> list[Part]:
    """Choose the parts that a client wants in the object. Raises S3Problem when they cannot be one."""
    numbers = [int(one["PartNumber"]) for one in listed if one.get("PartNumber", "").isdigit()]
    if not listed or len(numbers) < len(listed):
        raise S3Problem(400, "MalformedXML", "Parts with a PartNumber and an ETag are needed.")
    if numbers != sorted(set(numbers)):
        raise S3Problem(400, "InvalidPartOrder", "The list of parts was not in ascending order.")
    found = [upload.parts.get(str(number)) for number in numbers]
    parts = [one for one in found if one]
    if len(parts) < len(found) or any(
        part.etag != one.get("ETag", "").strip('"') for part, one in zip(parts, listed, strict=True)
    ):
        raise S3Problem(400, "InvalidPart", "One or more of the specified parts could not be found.")
    if any(one.size < SMALLEST for one in parts[:-1]):
        raise S3Problem(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size.")
    if len({one.size for one in parts[:-1]}) > 1:
        raise S3Problem(400, "InvalidPart", "All non-trailing parts must have the same length.")
    return parts

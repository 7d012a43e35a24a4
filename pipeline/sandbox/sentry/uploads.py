"""Takes source maps: chunks that are uploaded and assembled to artifact bundles, and the lists of them."""

import gzip
import hashlib
import io
import json
import re
import zipfile

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, iso_seconds
from pipeline.sandbox.sentry.search import paged
from pipeline.sandbox.sentry.shapes import missing
from pipeline.sandbox.state import Artifact
from pipeline.sandbox.web import Payload, Router, body

CHUNK = 8 * 1024 * 1024
SHA = re.compile(r"[0-9a-f]{40}")


class Uploads:
    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self, router: Router) -> None:
        root, project = "/api/0/organizations/{organization}", "/api/0/projects/{organization}/{project}"
        router.add("GET", root + "/chunk-upload/", self.options)
        router.add("POST", root + "/chunk-upload/", self.upload)
        router.add("POST", root + "/artifactbundle/assemble/", self.assemble)
        router.add("POST", root + "/releases/{version}/assemble/", self.assemble)
        router.add("GET", project + "/files/artifact-bundles/", self.bundles)
        for place in (root, project):
            router.add("GET", place + "/releases/{version}/files/", self.files)

    async def options(self, request: Request) -> Response:
        url = f"{self._core.ports.url('sentry')}/api/0/organizations/{self._core.state.sentry.organization}"
        said = {
            "url": f"{url}/chunk-upload/", "chunkSize": CHUNK, "chunksPerRequest": 64, "concurrency": 8,
            "maxFileSize": 2147483648, "maxRequestSize": 33554432, "hashAlgorithm": "sha1", "compression": ["gzip"],
            "accept": ["debug_files", "release_files", "sources", "artifact_bundles", "artifact_bundles_v2"],
        }  # fmt: skip
        return JSONResponse(said)

    async def upload(self, request: Request) -> Response:
        """Keep the parts named ``file`` or ``file_gzip``, whose file names are their digests. 400 when one is not."""
        for name, checksum, content in _parts(request.headers.get("content-type", ""), await request.body()):
            plain = gzip.decompress(content) if name == "file_gzip" else content
            if self._core.blobs.put(plain) != checksum:
                return JSONResponse({"error": "Checksum does not match"}, 400)
        return JSONResponse([])

    async def assemble(self, request: Request) -> Response:
        """Answer ``not_found`` with the chunks that are missing, ``ok`` when the bundle is there."""
        sent = await body(request)
        checksum, chunks = str(sent.get("checksum") or ""), list(sent.get("chunks") or ())
        if not all(SHA.fullmatch(str(one)) for one in (checksum, *chunks)) or not chunks:
            raise ValueError("checksum and chunks are needed")
        lacking = [chunk for chunk in chunks if not self._core.blobs.has(chunk)]
        if lacking:
            return JSONResponse({"state": "not_found", "missingChunks": lacking, "detail": None})
        whole = b"".join(self._core.blobs.read(one) for one in chunks)
        if self._core.blobs.put(whole) != checksum:
            return JSONResponse({"state": "error", "missingChunks": [], "detail": "Reported checksum mismatch"})
        release = str(request.path_params.get("version") or sent.get("version") or "")
        self._keep(release, str(sent.get("dist") or ""), whole)
        return JSONResponse({"state": "ok", "missingChunks": [], "detail": None})

    def _keep(self, release: str, dist: str, whole: bytes) -> None:
        kept, manifest = self._core.state.sentry.artifacts, _manifest(whole)
        id = str(manifest.get("debug_id") or hashlib.sha1(whole, usedforsecurity=False).hexdigest())
        if any((one.id, one.release, one.dist) == (id, release, dist) for one in kept):
            return
        files = sorted(str(one.get("url") or path) for path, one in manifest.get("files", {}).items())
        kept.append(Artifact(id, self._core.now(), release, dist, files))

    async def bundles(self, request: Request) -> Response:
        self._known(request)
        wanted = request.query_params.get("query", "")
        found = [
            {
                "bundleId": artifact.id,
                "date": iso_seconds(artifact.at),
                "dateModified": iso_seconds(artifact.at),
                "associations": [{"release": artifact.release or None, "dist": artifact.dist or None}],
                "fileCount": len(artifact.files),
            }
            for artifact in self._core.state.sentry.artifacts[::-1]
            if wanted in f"{artifact.id} {artifact.release}"
        ]
        page, headers = paged(self._core, request, found)
        return JSONResponse(page, headers=headers)

    async def files(self, request: Request) -> Response:
        """List the files of the bundles that name the release."""
        if request.path_params["version"] not in self._core.state.sentry.releases:
            raise missing()
        found: list[Payload] = [
            {
                "id": f"{artifact.id}-{row}",
                "name": name,
                "dist": artifact.dist or None,
                "headers": {},
                "size": 0,
                "sha1": artifact.id,
                "dateCreated": iso_seconds(artifact.at),
            }
            for artifact in self._core.state.sentry.artifacts
            if artifact.release == request.path_params["version"]
            for row, name in enumerate(artifact.files)
        ]
        page, headers = paged(self._core, request, found)
        return JSONResponse(page, headers=headers)

    def _known(self, request: Request) -> None:
        if request.path_params["project"] != self._core.state.sentry.project:
            raise missing()


def _parts(kind: str, raw: bytes) -> list[tuple[str, str, bytes]]:
    """Split a form into (name, file name, content) of each part."""
    boundary = re.search(r'boundary="?([^";]+)', kind)
    if not boundary:
        raise ValueError("a form of files is needed")
    found = []
    for part in raw.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        said = dict(re.findall(r'\b(name|filename)="([^"]*)"', head.decode("latin-1")))
        found.append((said.get("name", ""), said.get("filename", ""), content.removesuffix(b"\r\n")))
    return found


def _manifest(whole: bytes) -> Payload:
    """Read what a bundle says of itself. Raises ValueError when it is no bundle."""
    start = whole.find(b"PK\x03\x04")  # a bundle begins with eight bytes of its own
    try:
        with zipfile.ZipFile(io.BytesIO(whole[max(0, start) :])) as bundle:
            found: Payload = json.loads(bundle.read("manifest.json"))
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"not an artifact bundle: {error}") from None
    return found

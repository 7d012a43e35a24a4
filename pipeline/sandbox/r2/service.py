"""Serves R2's S3 API, with the bucket in the path: who asks, what is wanted, and a count of all that was."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from pipeline.sandbox.core import Core, iso
from pipeline.sandbox.r2 import bodies, listing, markup, origins
from pipeline.sandbox.r2.markup import S3Problem, no_such_bucket
from pipeline.sandbox.r2.objects import Objects
from pipeline.sandbox.r2.signing import claimed, verified
from pipeline.sandbox.r2.uploads import Uploads
from pipeline.sandbox.storestate import Asked

Answering = Callable[[Request, str, bytes], Response]
HOUR = 3600.0
KEPT_SECONDS = 31 * 86400.0
SUBRESOURCES = (
    "location", "uploads", "uploadId", "delete", "list-type", "acl", "cors", "encryption", "lifecycle", "logging",
    "notification", "policy", "tagging", "versioning", "versions", "website", "attributes", "object-lock",
    "replication",
)  # fmt: skip
WRITES = ("PUT", "POST", "DELETE")


class R2Api:
    def __init__(self, core: Core) -> None:
        self._core = core
        objects = Objects(core)
        uploads = Uploads(core, objects)
        self._answers: dict[tuple[str, str, str], tuple[str, Answering]] = {
            ("GET", "account", ""): ("ListBuckets", self.buckets),
            ("HEAD", "bucket", ""): ("HeadBucket", lambda request, key, content: Response(None, 200)),
            ("GET", "bucket", "location"): ("GetBucketLocation", self.location),
            ("GET", "bucket", "list-type"): (
                "ListObjects",
                lambda request, key, content: listing.listed(core, request),
            ),
            ("POST", "bucket", "delete"): ("DeleteObjects", objects.delete_many),
            ("PUT", "object", ""): ("PutObject", objects.put),
            ("GET", "object", ""): ("GetObject", objects.get),
            ("HEAD", "object", ""): ("HeadObject", objects.head),
            ("DELETE", "object", ""): ("DeleteObject", objects.delete),
            ("POST", "object", "uploads"): ("CreateMultipartUpload", uploads.create),
            ("PUT", "object", "uploadId"): ("UploadPart", uploads.part),
            ("POST", "object", "uploadId"): ("CompleteMultipartUpload", uploads.complete),
            ("DELETE", "object", "uploadId"): ("AbortMultipartUpload", uploads.abort),
        }

    async def __call__(self, request: Request) -> Response:
        await request.body()  # in any case: who is refused is still sending
        bucket, _, key = request.scope["path"][1:].partition("/")
        level = "object" if key else "bucket" if bucket else "account"
        wanted = next((name for name in SUBRESOURCES if name in request.query_params), "")
        action, answering = self._answers.get((request.method, level, wanted), ("Unknown", _unknown))
        try:
            if request.method == "OPTIONS":  # a browser sends no signature with it
                action, response = "Unknown", origins.asked_before(self._core, request)
            else:
                response = await self._answer(request, bucket, key, answering)
        except S3Problem as problem:
            response = problem.response()
        response.headers.update(origins.shown_to(self._core, request.headers.get("origin", ""), request.method))
        self._count(action, response.status_code)
        if request.method == "HEAD" and response.status_code >= 400:
            return Response(None, response.status_code, {"content-type": "application/xml"})
        return response

    async def _answer(self, request: Request, bucket: str, key: str, answering: Answering) -> Response:
        r2 = self._core.state.r2
        seal = verified(request, claimed(request), r2.access_key_id, r2.secret_access_key, self._core.now())
        content = await bodies.body(request, seal)
        if bucket and bucket != r2.bucket:
            raise no_such_bucket()
        if r2.read_only and request.method in WRITES:
            raise S3Problem(403, "AccessDenied", "Access Denied")
        return answering(request, key, content)

    def _count(self, action: str, status: int) -> None:
        r2, now = self._core.state.r2, self._core.now()
        hour = now // HOUR * HOUR
        r2.asked = [one for one in r2.asked if one.hour > now - KEPT_SECONDS]
        same = [one for one in r2.asked if (one.action, one.status, one.hour) == (action, status, hour)]
        if not same:
            same = [Asked(action, status, hour)]
            r2.asked += same
        same[0].requests += 1
        self._core.dirty = True

    def buckets(self, request: Request, key: str, content: bytes) -> Response:
        r2 = self._core.state.r2
        one: markup.Node = ("Bucket", [("Name", r2.bucket), ("CreationDate", iso(r2.created))])
        owner: markup.Node = ("Owner", [("ID", r2.account), ("DisplayName", r2.account)])
        return markup.answer("ListAllMyBucketsResult", [owner, ("Buckets", [one])])

    def location(self, request: Request, key: str, content: bytes) -> Response:
        return markup.answer("LocationConstraint", self._core.state.r2.location.upper())


def _unknown(request: Request, key: str, content: bytes) -> Response:
    raise S3Problem(501, "NotImplemented", f"{request.method} {request.url.path} is not emulated")

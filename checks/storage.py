"""Asks whether files can be stored, and read again."""

from dataclasses import replace

from checks.evidence import BrowserUploads, Bucket, ProbeObject
from checks.gate import Findings, gate, not_yet, warn
from checks.policy import StoragePolicy

VARIABLES = "R2_ACCOUNT_ID, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY and R2_BUCKET"


@gate(owner="on-call")
def bucket_answers(policy: StoragePolicy, seen: Bucket) -> Findings:
    """The R2 bucket is there and lets itself be listed with the app's own credentials.

    Why: A bucket that was renamed, or a token that was rolled, breaks every upload and no page.

    By hand:
        Run `AWS_ACCESS_KEY_ID="$R2_ACCESS_KEY_ID" AWS_SECRET_ACCESS_KEY="$R2_SECRET_ACCESS_KEY" AWS_DEFAULT_REGION=auto aws s3 ls s3://$R2_BUCKET --endpoint-url https://$R2_ACCOUNT_ID.r2.cloudflarestorage.com`.

    If it fails: `InvalidAccessKeyId` or `SignatureDoesNotMatch`: make a new R2 token and set `R2_ACCESS_KEY_ID` and
        `R2_SECRET_ACCESS_KEY`. `NoSuchBucket`: `R2_BUCKET`. `AccessDenied`: the token's bucket permissions.
        `RequestTimeTooSkewed`: the clock of this machine.
    """
    if seen.off:
        yield warn("R2", f"was not asked: {seen.off}", fix=f"set {VARIABLES} here")
    elif seen.failure:
        yield not_yet(f"bucket {seen.name}", f"cannot be listed: {seen.failure}", severity="P1")
    elif seen.ms > policy.slowest_ms:
        yield not_yet(f"bucket {seen.name}", f"took {seen.ms} ms, above {policy.slowest_ms} ms", severity="P2")


bucket_answers.stops_when("the key was rolled", lambda p, s: (p, replace(s, failure="403 InvalidAccessKeyId")))
bucket_answers.stops_when("it is slow", lambda p, s: (p, replace(s, ms=9000)))


@gate(owner="on-call")
def files_come_back(policy: StoragePolicy, seen: ProbeObject) -> Findings:
    """A small object can be written, read back as it was, and deleted.

    Why: A token that may only read lists the bucket without complaint.

    By hand: Write, read and delete in one line: `export AWS_ACCESS_KEY_ID="$R2_ACCESS_KEY_ID" AWS_SECRET_ACCESS_KEY="$R2_SECRET_ACCESS_KEY" AWS_DEFAULT_REGION=auto AWS_ENDPOINT_URL=https://$R2_ACCOUNT_ID.r2.cloudflarestorage.com; date | aws s3 cp - s3://$R2_BUCKET/deploy-probe/by-hand && aws s3 cp s3://$R2_BUCKET/deploy-probe/by-hand - && aws s3 rm s3://$R2_BUCKET/deploy-probe/by-hand`.
        It must print the date.

    If it fails: On write or delete: the token needs *Object Read & Write*. On read or compare: Cloudflare's status page.
    """
    if seen.off:
        yield warn("R2", f"was not tried: {seen.off}", fix=f"set {VARIABLES} here")
    elif seen.failed_at:
        yield not_yet("the probe object", f"failed at {seen.failed_at}: {seen.says}", severity="P1")
    elif seen.ms > policy.slowest_ms:
        yield not_yet("the probe object", f"took {seen.ms} ms, above {policy.slowest_ms} ms", severity="P2")


files_come_back.stops_when(
    "the token may only read", lambda p, s: (p, replace(s, failed_at="write", says="403 AccessDenied"))
)


@gate(owner="platform")
def bucket_has_room(policy: StoragePolicy, seen: Bucket) -> Findings:
    """The bucket is not larger than expected.

    Why: Storage is paid for by size, and what grows without its users growing is mostly a bug.

    By hand: Cloudflare → R2 → the bucket → Metrics.

    If it fails: List the largest prefixes; look for uploads that nobody refers to and delete them. When the growth is
        meant, raise `storage.most_gb`.
    """
    if seen.off or seen.failure:
        yield warn("the bucket's size", f"is not known: {seen.off or seen.failure}")
    elif seen.gb > policy.most_gb:
        more = "" if seen.whole else "more than "
        says = f"holds {more}{seen.gb:.1f} GB in {seen.objects} objects, above {policy.most_gb:g} GB"
        yield not_yet(f"bucket {seen.name}", says, severity="P3")


bucket_has_room.stops_when("it has grown", lambda p, s: (p, replace(s, bytes=200_000_000_000)))


@gate(owner="on-call")
def browsers_may_upload(seen: BrowserUploads) -> Findings:
    """A page of each production domain may put a file into the bucket, where `storage.browser_uploads` says that pages do.

    Why: A signed address works in every test that is no browser. A browser asks the bucket's CORS rules first, and those
        name domains: a new one, or a new bucket, breaks every upload and no server says so.

    By hand: Cloudflare → R2 → the bucket → Settings → CORS policy: it has each domain of the site, with its scheme and
        without a path, and the method `PUT`.

    If it fails: Add the origin and `PUT` to the bucket's CORS policy, and the headers that the page sends.
    """
    for origin, says in seen.refused:
        yield not_yet(
            origin, f"may not upload to R2 from a browser: {says}", severity="P2", fix="R2 → Settings → CORS policy"
        )


browsers_may_upload.stops_when(
    "a new domain is not in the bucket's rules",
    lambda s: (replace(s, refused=(("https://learn.lms.example.com", "answered 403, allows nothing to nobody"),)),),
)

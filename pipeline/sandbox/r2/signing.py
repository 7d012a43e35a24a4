"""Checks AWS Signature Version 4 from the server's side: who signed a request, and whether it is what was signed."""

import calendar
import hashlib
import hmac
import time
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from starlette.requests import Request

from pipeline.sandbox.r2.markup import S3Problem

ALGORITHM = "AWS4-HMAC-SHA256"
UNRESERVED = "-_.~"
SKEW_SECONDS = 900.0
LONGEST_SECONDS = 604800.0
MALFORMED = "The authorization header is malformed; it needs Credential, SignedHeaders and Signature."


@dataclass(frozen=True)
class Claim:
    """A request's claim about its signature. ``scope`` is DATE/REGION/s3/aws4_request, ``at`` as in x-amz-date.

    ``payload`` is the SHA-256 of the body, or a word that says how it is sent. ``expires``: seconds that a presigned
    address is good for; 0 for a signed header.
    """

    key_id: str
    scope: str
    headers: tuple[str, ...]
    signature: str
    at: str
    payload: str
    expires: float = 0


@dataclass(frozen=True)
class Seal:
    """A seal signs the chunks of a body: each signature covers the one before."""

    key: bytes
    claim: Claim

    def chunk(self, before: str, content: bytes) -> str:
        said = f"{hashlib.sha256(b'').hexdigest()}\n{hashlib.sha256(content).hexdigest()}"
        return self._signed("PAYLOAD", before, said)

    def trailer(self, before: str, content: bytes) -> str:
        return self._signed("TRAILER", before, hashlib.sha256(content).hexdigest())

    def _signed(self, signed: str, before: str, said: str) -> str:
        text = f"{ALGORITHM}-{signed}\n{self.claim.at}\n{self.claim.scope}\n{before}\n{said}"
        return hmac.new(self.key, text.encode(), "sha256").hexdigest()


def claimed(request: Request) -> Claim:
    """Read the claim of a request.

    Raises S3Problem when the request is not signed, or not in a way that can be read.
    """
    header, query = request.headers.get("authorization", ""), request.query_params
    if "X-Amz-Signature" in query:
        credential, names, signature = query.get("X-Amz-Credential", ""), query.get("X-Amz-SignedHeaders", ""), ""
        moment, payload, signature = query.get("X-Amz-Date", ""), "UNSIGNED-PAYLOAD", query["X-Amz-Signature"]
        expires = _expires(query.get("X-Amz-Expires", ""))
    elif header.startswith(ALGORITHM):
        words = (word.strip().partition("=") for word in header[len(ALGORITHM) :].split(","))
        parts = {name: value for name, _, value in words}
        credential, names = parts.get("Credential", ""), parts.get("SignedHeaders", "")
        moment, payload, signature = (
            request.headers.get("x-amz-date", ""),
            request.headers.get("x-amz-content-sha256", ""),
            parts.get("Signature", ""),
        )
        expires = 0.0
    elif header:
        raise S3Problem(400, "InvalidArgument", "Unsupported Authorization Type")
    else:
        raise S3Problem(403, "AccessDenied", "Access Denied: the request is not signed.")
    key_id, _, scope = credential.partition("/")
    if scope.count("/") != 3 or not names or not signature:
        raise S3Problem(400, "AuthorizationHeaderMalformed", MALFORMED)
    return Claim(key_id, scope, tuple(names.split(";")), signature, moment, payload, expires)


def _expires(text: str) -> float:
    if not text.isdigit() or not 1 <= int(text) <= LONGEST_SECONDS:
        raise S3Problem(400, "AuthorizationQueryParametersError", "X-Amz-Expires must be 1 to 604800 seconds")
    return float(text)


def verified(request: Request, claim: Claim, key_id: str, secret: str, now: float) -> Seal:
    """Verify a request and give what its body is sealed with.

    Raises S3Problem when it is not signed by this key, or at another time.
    """
    if len(claim.key_id) != len(key_id):
        says = f"Credential access key has length {len(claim.key_id)}, should be {len(key_id)}"
        raise S3Problem(400, "InvalidArgument", says)
    if claim.key_id != key_id:
        says = "The AWS Access Key Id you provided does not exist in our records."
        raise S3Problem(403, "InvalidAccessKeyId", says)
    _check_time(claim, now)
    key = b"AWS4" + secret.encode()
    for part in claim.scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    hashed = hashlib.sha256(canonical(request, claim).encode()).hexdigest()
    expected = hmac.new(key, f"{ALGORITHM}\n{claim.at}\n{claim.scope}\n{hashed}".encode(), "sha256").hexdigest()
    check(expected, claim.signature)
    return Seal(key, claim)


def check(expected: str, given: str) -> None:
    """Compare two signatures. Raises S3Problem when they differ."""
    if not hmac.compare_digest(expected.encode(), given.encode()):
        says = "The request signature we calculated does not match the signature you provided."
        raise S3Problem(403, "SignatureDoesNotMatch", f"{says} Check your secret access key and signing method.")


def _check_time(claim: Claim, now: float) -> None:
    try:
        signed_at = calendar.timegm(time.strptime(claim.at, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise S3Problem(403, "AccessDenied", "A date as in 20260921T101500Z is needed in x-amz-date.") from None
    if claim.expires and now > signed_at + claim.expires:
        raise S3Problem(403, "AccessDenied", "Request has expired")
    here = min(
        now, time.time(), key=lambda clock: abs(clock - signed_at)
    )  # who signs may have only the machine's clock
    if signed_at > here + SKEW_SECONDS or (not claim.expires and signed_at < here - SKEW_SECONDS):
        says = "The difference between the request time and the server's time is too large."
        raise S3Problem(403, "RequestTimeTooSkewed", says)


def canonical(request: Request, claim: Claim) -> str:
    """Write the request down as its signer did."""
    raw = request.scope.get("raw_path") or request.scope["path"].encode()
    pairs = [one.partition("=") for one in request.scope["query_string"].decode("ascii").split("&") if one]
    query = sorted((_again(name), _again(value)) for name, _, value in pairs if name != "X-Amz-Signature")
    headers = [
        f"{name}:{','.join(' '.join(value.split()) for value in request.headers.getlist(name))}\n"
        for name in claim.headers
    ]
    parts = (
        request.method,
        quote(unquote_to_bytes(raw), safe="/" + UNRESERVED),
        "&".join(f"{name}={value}" for name, value in query),
        "".join(headers),
        ";".join(claim.headers),
        claim.payload,
    )
    return "\n".join(parts)


def _again(part: str) -> str:
    """Percent-encode a text the one way that signatures know, however it was sent."""
    return quote(unquote_to_bytes(part), safe=UNRESERVED)

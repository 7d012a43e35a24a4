"""Signature Version 4 from the client's side, written down once more: the emulator's own cannot judge itself."""

import datetime
import hashlib
import hmac
from collections.abc import Generator
from typing import Any
from urllib.parse import quote

import httpx


class Signed(httpx.Auth):
    """Signs as S3 clients do. ``payload`` replaces the SHA-256 of the body; ``at`` is in seconds since 1970."""

    requires_request_body = True

    def __init__(self, key_id: str, secret: str, at: float, region: str = "auto", payload: str = "") -> None:
        self.key_id, self.secret, self.region, self.payload = key_id, secret, region, payload
        self.stamp = datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
        self.scope = f"{self.stamp[:8]}/{region}/s3/aws4_request"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, Any, None]:
        request.headers["x-amz-date"] = self.stamp
        request.headers["x-amz-content-sha256"] = self.payload or hashlib.sha256(request.content).hexdigest()
        names = sorted(name for name in request.headers if name == "host" or name.startswith("x-amz-"))
        signature = self.signature(request, names, request.headers["x-amz-content-sha256"])
        request.headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.key_id}/{self.scope}, SignedHeaders={';'.join(names)}, "
            f"Signature={signature}"
        )
        yield request

    def presigned(self, method: str, url: str, seconds: int = 60) -> str:
        """``url`` with all that a browser needs to use it for so many seconds."""
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{self.key_id}/{self.scope}",
            "X-Amz-Date": self.stamp, "X-Amz-Expires": str(seconds), "X-Amz-SignedHeaders": "host",
        }  # fmt: skip
        request = httpx.Request(method, httpx.URL(url).copy_merge_params(query))
        signature = self.signature(request, ["host"], "UNSIGNED-PAYLOAD")
        return str(request.url.copy_add_param("X-Amz-Signature", signature))

    def signature(self, request: httpx.Request, names: list[str], payload: str) -> str:
        query = sorted((quote(a, safe="-_.~"), quote(b, safe="-_.~")) for a, b in request.url.params.multi_items())
        canonical = "\n".join(
            (
                request.method,
                quote(request.url.path, safe="/-_.~"),
                "&".join(f"{a}={b}" for a, b in query),
                "".join(f"{name}:{request.headers[name].strip()}\n" for name in names),
                ";".join(names),
                payload,
            )
        )
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        return self.sign(f"AWS4-HMAC-SHA256\n{self.stamp}\n{self.scope}\n{hashed}")

    def sign(self, text: str) -> str:
        key = f"AWS4{self.secret}".encode()
        for part in self.scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.new(key, text.encode(), "sha256").hexdigest()

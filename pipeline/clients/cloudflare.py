"""Asks Cloudflare's API how large a bucket is, which R2's S3 API cannot say without listing all of it."""

from typing import Any

import httpx

from pipeline.clients.base import Service
from pipeline.clock import Clock
from pipeline.errors import Refused, Unreadable

SIZE = """
query Size($account: String!, $bucket: String!, $since: Time!) {
  viewer { accounts(filter: {accountTag: $account}) {
    r2StorageAdaptiveGroups(limit: 1, filter: {bucketName: $bucket, datetime_geq: $since}, orderBy: [datetime_DESC]) {
      max { payloadSize metadataSize objectCount } dimensions { datetime }
    }
  } }
}
"""


class Cloudflare(Service):
    """A read-only client of one Cloudflare account. The token needs *Account Analytics: Read*."""

    def __init__(self, base: str, token: str, account: str, http: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__("cloudflare", base, http, clock, {"authorization": f"Bearer {token}"})
        self._account, self._able = account, bool(token and account)

    @property
    def missing(self) -> str:
        """Say why Cloudflare cannot be asked; empty when it can."""
        return "" if self._able else "CLOUDFLARE_API_TOKEN or R2_ACCOUNT_ID not set"

    async def bucket_size(self, bucket: str, since: str) -> tuple[int, int] | None:
        """Read (bytes, objects) of the bucket at the newest figure after ``since`` (ISO 8601).

        None when there is none yet.

        POST /client/v4/graphql: its errors come with status 200.
        """
        asked = "POST /client/v4/graphql"

        def parse(body: Any) -> tuple[int, int] | None:
            if body.get("errors"):
                says = "; ".join(str(error.get("message")) for error in body["errors"])
                raise Refused("cloudflare", asked, 200, "graphql", says)
            accounts = body["data"]["viewer"]["accounts"]
            if not accounts:
                raise Unreadable("cloudflare", asked, "the token sees no such account")
            groups = accounts[0]["r2StorageAdaptiveGroups"]
            if not groups:
                return None
            found = groups[0]["max"]
            return int(found["payloadSize"]) + int(found["metadataSize"]), int(found["objectCount"])

        variables = {"account": self._account, "bucket": bucket, "since": since}
        body = {"query": SIZE, "variables": variables}
        return await self.repeatable("POST", "/client/v4/graphql", parse, json=body)

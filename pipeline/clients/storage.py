"""Stores and reads objects in Cloudflare R2 through its S3 API. The signing and the protocol are obstore's."""

import asyncio
import datetime
import re
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.errors import Refused, ServiceError, Unreachable

if TYPE_CHECKING:
    from obstore.store import S3Store

T = TypeVar("T")
SECONDS = 10
WHOLE = 30.0  # seconds that one question may take, however many requests and retries it is made of
MOST_LISTED = 20_000
CODE = re.compile(r"<Code>(\w+)</Code>")
SKEWED = "RequestTimeTooSkewed"
STATUS = re.compile(r"\b([45]\d\d) [A-Z][a-z]")


@dataclass(frozen=True)
class Listed:
    """The count of the objects in a bucket. ``whole``: False when it has more than were listed."""

    objects: int
    bytes: int
    whole: bool


@dataclass(frozen=True)
class Storage:
    """Stores objects in one bucket. ``secret_key`` never leaves obstore."""

    account: str
    bucket: str
    access_key: str
    secret_key: str
    endpoint: str = ""
    """Empty: R2's own."""

    def __repr__(self) -> str:
        return f"<bucket {self.bucket}>"

    @property
    def missing(self) -> str:
        """Say why the bucket cannot be asked; empty when it can."""
        needed = {
            "R2_ACCOUNT_ID": self.account or self.endpoint,
            "R2_BUCKET": self.bucket,
            "R2_ACCESS_KEY_ID": self.access_key,
            "R2_SECRET_ACCESS_KEY": self.secret_key,
        }
        absent = [name for name, value in needed.items() if not value]
        return f"{', '.join(absent)} not set" if absent else ""

    async def look(self) -> int:
        """Measure how many milliseconds a list of a few objects takes. ListObjectsV2"""

        async def first_page() -> int:
            began = time.monotonic()
            async for _ in self._store.list(chunk_size=10):
                break
            return round((time.monotonic() - began) * 1000)

        return await self._bounded("list", first_page())

    async def contents(self) -> Listed:
        """Count the objects, at most MOST_LISTED of them. ListObjectsV2"""

        async def count() -> Listed:
            objects = size = 0
            async for page in self._store.list(chunk_size=1000):
                objects += len(page)
                size += sum(int(one["size"]) for one in page)
                if objects >= MOST_LISTED:
                    return Listed(objects, size, False)
            return Listed(objects, size, True)

        return await self._bounded("list", count())

    async def write(self, key: str, content: bytes) -> None:
        """Write an object. PutObject"""
        await self._bounded("write", self._store.put_async(key, content))

    async def read(self, key: str) -> bytes:
        """Read an object. GetObject"""

        async def get() -> bytes:
            found = await self._store.get_async(key)
            return bytes(await found.bytes_async())

        return await self._bounded("read", get())

    async def delete(self, key: str) -> None:
        """Delete an object. DeleteObject"""
        await self._bounded("delete", self._store.delete_async(key))

    async def upload_address(self, key: str) -> str:
        """Make an address that ``key`` may be put to without the keys, for a minute; nothing is asked. PutObject"""
        import obstore

        minute = datetime.timedelta(seconds=60)
        return await self._bounded("sign", obstore.sign_async(self._store, "PUT", key, minute))

    @cached_property
    def _store(self) -> "S3Store":
        """Made once, because each reads the machine's certificates, and connects."""
        from obstore.store import S3Store  # 50 ms that only those pay who ask R2

        endpoint = self.endpoint or f"https://{self.account}.r2.cloudflarestorage.com"
        return S3Store(
            self.bucket,
            endpoint=endpoint,
            region="auto",
            access_key_id=self.access_key,
            secret_access_key=self.secret_key,
            virtual_hosted_style_request=False,
            client_options={
                "timeout": datetime.timedelta(seconds=SECONDS),
                "connect_timeout": datetime.timedelta(seconds=5),
                "allow_http": endpoint.startswith("http://"),
            },
            retry_config={"max_retries": 1, "retry_timeout": datetime.timedelta(seconds=SECONDS)},
        )

    async def _bounded(self, asked: str, doing: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(WHOLE):
                return await doing
        except TimeoutError as error:
            raise Unreachable("r2", f"{asked} {self.bucket}", f"did not end within {WHOLE:g} s") from error
        except Exception as error:  # obstore raises a tree of its own, and OSError's children
            raise self._error(f"{asked} {self.bucket}", error) from None

    def _error(self, asked: str, error: Exception) -> ServiceError:
        """Make our error with S3's own code and status when there are any.

        Obstore's text has addresses and headers, which are left out.
        """
        text = str(error)
        code, status = CODE.search(text), STATUS.search(text)
        if code or status or isinstance(error, FileNotFoundError | PermissionError):
            name = code[1] if code else type(error).__name__.removesuffix("Error").replace("Generic", "")
            if name == SKEWED:
                return Refused("r2", asked, 403, name, f"{name}: this machine's clock is off by 15 minutes or more")
            return Refused("r2", asked, int(status[1]) if status else 0, name, name or "no reason given")
        return Unreachable("r2", asked, f"no answer: {type(error).__name__}")


def plain_key(prefix: str, run: str, now: Any) -> str:
    """Make a key below ``prefix`` that nobody else uses."""
    return f"{prefix.rstrip('/')}/{run}-{now:%Y%m%d%H%M%S%f}"

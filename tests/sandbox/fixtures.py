"""A running Postgres and sandboxes in it, as plain functions: any conftest can make fixtures of them."""

import contextlib
import hashlib
import itertools
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx

from pipeline.sandbox.postgres import Database, Postgres
from pipeline.sandbox.sandbox import Sandbox

START = 1_790_000_000.0  # a Monday in September 2026
_names = itertools.count(1)


class Clock:
    """Time that moves only when somebody sleeps or ``tick`` is called."""

    def __init__(self, start: float = START) -> None:
        self.time = start

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds

    def tick(self, seconds: float) -> None:
        self.time += seconds


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A Postgres with the seeded database, for a whole test session."""
    with tempfile.TemporaryDirectory() as home:
        postgres = Postgres(Path(home))
        postgres.start()
        try:
            yield postgres
        finally:
            postgres.destroy()


def fresh_sandbox(postgres: Postgres, home: Path, clock: Clock | None = None) -> Sandbox:
    """A sandbox on its first day, with a database of its own; in-process, nothing listens."""
    clock = clock or Clock()
    url = postgres.fresh_database(f"test_{next(_names)}")
    return Sandbox(home, Database(url), now=clock.now, sleep=clock.sleep)


def client_of(sandbox: Sandbox, service: str) -> httpx.AsyncClient:
    """A client of one service, with its token. Redirects are not followed; an app's exceptions are 500s."""
    description = sandbox.description()
    token = description["tokens"].get(service, "")
    headers = {"authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app=sandbox)
    return httpx.AsyncClient(transport=transport, base_url=description["urls"][service], headers=headers)


class Services:
    """Clients of all services of a sandbox, each made when first used: ``services["github"]``."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox, self._clients = sandbox, dict[str, httpx.AsyncClient]()

    def __getitem__(self, service: str) -> httpx.AsyncClient:
        return self._clients.setdefault(service, client_of(self._sandbox, service))

    def at(self, host: str) -> httpx.AsyncClient:
        """A client of a deployment's own address."""
        transport = httpx.ASGITransport(app=self._sandbox)
        return self._clients.setdefault(host, httpx.AsyncClient(transport=transport, base_url=f"http://{host}"))

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()


@contextlib.asynccontextmanager
async def services_of(sandbox: Sandbox) -> AsyncIterator[Services]:
    services = Services(sandbox)
    try:
        yield services
    finally:
        await services.close()


async def upload(vercel: httpx.AsyncClient, folder: Path) -> list[dict[str, Any]]:
    """Upload ``folder/.vercel/output``; what ``files`` of a new deployment is."""
    files = []
    for path in sorted((folder / ".vercel/output").rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            sha = hashlib.sha1(content).hexdigest()
            done = await vercel.post("/v2/files", content=content, headers={"x-now-digest": sha})
            assert done.status_code == 200, done.text
            files.append({"file": path.relative_to(folder).as_posix(), "sha": sha, "size": len(content), "mode": 33188})
    return files


async def create(services: Services, sandbox: Sandbox, release: str = "good", **more: Any) -> dict[str, Any]:
    """Create a production deployment of an example release; Vercel's answer. Staged unless told otherwise."""
    folder, commit = sandbox.release(release)
    body = {
        "name": "lms", "project": sandbox.state.vercel.project, "target": "production",
        "autoAssignCustomDomains": False, "meta": {"githubCommitSha": commit},
        "files": await upload(services["vercel"], folder), **more,
    }  # fmt: skip
    made = await services["vercel"].post("/v13/deployments?prebuilt=1", json=body)
    assert made.status_code == 200, made.text
    found: dict[str, Any] = made.json()
    return found

"""What is true now: what production serves, whether it is well and free to move, and who is at it."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx

from pipeline.clients.vercel import Deployment, Vercel
from pipeline.errors import ServiceError
from pipeline.world import origin


@dataclass(frozen=True)
class Status:
    """One look. Empty or None: there is nothing, or it could not be read, and ``unknown`` says why."""

    target: str
    site: str
    live: Deployment | None
    pinned: bool | None
    """None: Vercel does not say."""
    staged: tuple[Deployment, ...]
    health: str
    well: bool
    lock: str
    unknown: tuple[str, ...]


async def look(vercel: Vercel, http: httpx.AsyncClient, target: str, domain: str, health: str, lock: str) -> Status:
    """Ask everything at the same time; what fails is said instead of raised."""
    unknown: list[str] = []

    async def asked(reading: Any, otherwise: Any) -> Any:
        try:
            return await reading
        except ServiceError as error:
            unknown.append(str(error))
            return otherwise

    site = origin(domain)
    live, project, recent, (says, well) = await asyncio.gather(
        asked(vercel.production(domain), None),
        asked(vercel.project(), None),
        asked(vercel.deployments(target="production"), ()),
        _health(http, site + health),
    )
    pinned = None if project is None or project.auto_assign is None else not project.auto_assign
    staged = tuple(one for one in recent if one.substate == "STAGED" and (live is None or one.created > live.created))
    return Status(target, site, live, pinned, staged, says, well, lock, tuple(unknown))


async def _health(http: httpx.AsyncClient, url: str) -> tuple[str, bool]:
    try:
        response = await http.get(url, follow_redirects=True)
    except (httpx.HTTPError, ConnectionError) as error:
        return f"no answer: {type(error).__name__} {error}".rstrip(), False
    try:
        body = json.loads(response.text)
        word = str(body.get("status", "")) if isinstance(body, dict) else ""
    except ValueError:
        word = ""
    return f"{response.status_code} {word}".rstrip(), response.is_success

"""Lists a project's production domains on Vercel; its own answer about the project may leave some out."""

from dataclasses import dataclass
from typing import Any

from pipeline.clients.vercel import Vercel
from pipeline.clients.vercelpages import newest
from pipeline.errors import Refused


@dataclass(frozen=True)
class ProductionDomain:
    """A domain of production. ``redirect``: the host that it sends visitors to; empty when it serves.

    ``verified``: whether the team has proved that it is theirs; the project does not serve it before.
    """

    name: str
    redirect: str
    verified: bool


async def production_domains(vercel: Vercel) -> tuple[ProductionDomain, ...]:
    """List all production domains, the oldest first; not those of a branch or a custom environment, nor wildcards.

    Empty when the token may not list them. GET /v9/projects/{idOrName}/domains
    """
    asked = vercel.scope(production="true", limit=100)
    try:
        return (await newest(vercel, f"{vercel.path}/domains", _domains_of, asked))[::-1]
    except Refused as error:
        if error.status == 403 and not error.retry_after:
            return ()
        raise


def _domains_of(body: Any) -> tuple[ProductionDomain, ...]:
    return tuple(
        ProductionDomain(str(one["name"]), str(one.get("redirect") or ""), bool(one["verified"]))
        for one in body["domains"]
        if not (one.get("gitBranch") or one.get("customEnvironmentId") or str(one["name"]).startswith("*."))
    )

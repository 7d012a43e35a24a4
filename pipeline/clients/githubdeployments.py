"""Tells GitHub which commit a run brings where, and how that went; reads what it was told."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.clients.base import nothing
from pipeline.clients.github import WHOLE, GitHub

RUN = "deployRun"  # in the payload of a deployment, as in the meta of Vercel's: others make deployments, too
LONGEST = 140  # characters of a status' description


@dataclass(frozen=True)
class ReleaseNews:
    """What GitHub is told of a run. ``state``: in_progress, success, failure, error or inactive.

    ``site`` is the address that users open, ``log`` the one of the deployment; ``says`` is for people.
    """

    run: str
    commit: str
    environment: str
    state: str
    site: str = ""
    log: str = ""
    says: str = ""


@dataclass(frozen=True)
class KnownDeployment:
    """A deployment as GitHub has it: ``state`` is that of its newest status, empty when it has none."""

    id: int
    state: str


async def deployment_of(github: GitHub, run: str, commit: str, environment: str) -> KnownDeployment | None:
    """Find the deployment that ``run`` has told GitHub of; None when it has not.

    GET /repos/{owner}/{repo}/deployments, then GET …/deployments/{id}/statuses
    """
    asked = {**WHOLE, "sha": commit, "environment": environment}
    ours = [id for id, by in await github.read_all(f"{github.path}/deployments", _ids_of, asked) if by == run]
    if not ours:
        return None
    statuses = await github.read_all(f"{github.path}/deployments/{max(ours)}/statuses", _states_of, WHOLE)
    return KnownDeployment(max(ours), max(statuses)[1] if statuses else "")


async def tell(github: GitHub, news: ReleaseNews) -> None:
    """Bring the deployment of a run up to date; it is made when there is none, and nothing is said twice.

    POST /repos/{owner}/{repo}/deployments, then POST …/deployments/{id}/statuses
    """
    known = await deployment_of(github, news.run, news.commit, news.environment)
    if known and known.state == news.state:
        return
    id = known.id if known else await _made(github, news)
    status = {
        "state": news.state, "environment_url": news.site, "log_url": news.log, "description": news.says[:LONGEST],
        "auto_inactive": True,
    }  # fmt: skip
    await github.once("POST", f"{github.path}/deployments/{id}/statuses", nothing, json=status)


async def _made(github: GitHub, news: ReleaseNews) -> int:
    body = {
        "ref": news.commit,
        "environment": news.environment,
        "auto_merge": False,
        "required_contexts": [],  # our own gates have asked
        "production_environment": news.environment == "production",
        "payload": {RUN: news.run},
    }
    return await github.once("POST", f"{github.path}/deployments", lambda body: int(body["id"]), json=body)


def _ids_of(body: Any) -> list[tuple[int, str]]:
    """Each deployment's id, and the run that its payload names."""
    return [(int(one["id"]), _run_of(one.get("payload"))) for one in body]


def _run_of(payload: Any) -> str:
    """The run in a payload, which is an object or a text, as whoever made it has sent it."""
    if isinstance(payload, str):
        try:
            payload = json.loads(payload or "{}")
        except ValueError:
            return ""
    return str(payload.get(RUN) or "") if isinstance(payload, Mapping) else ""


def _states_of(body: Any) -> list[tuple[int, str]]:
    return [(int(one["id"]), str(one["state"])) for one in body]

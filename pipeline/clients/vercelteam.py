"""Asks Vercel's REST API which projects a team has, and to which repository each belongs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from pipeline.clients.base import Service
from pipeline.clock import Clock
from pipeline.errors import Unreadable

A_PAGE, PAGES = 100, 200
"""Projects on a page, and pages of a team, at most."""


@dataclass(frozen=True)
class TeamProject:
    """A project of a team. ``repository``: ``owner/name``, empty without one; ``folder``: of the app in it."""

    id: str
    name: str
    repository: str = ""
    branch: str = ""
    folder: str = ""


class VercelTeam(Service):
    """Asks about one team: its id or its slug, or empty for a personal account."""

    def __init__(self, base: str, token: str, team: str, http: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__("vercel", base, http, clock, {"authorization": f"Bearer {token}"})
        self.unset = "" if token else "VERCEL_TOKEN"
        self._scope = {"teamId" if team.startswith("team_") else "slug": team} if team else {}

    async def projects(self) -> tuple[TeamProject, ...]:
        """Read all projects of the team, by name.

        What continues the list is a time or a word, and both are said as ``from``. Raises Unreadable for a list that
        never ends. GET /v10/projects
        """
        found: dict[str, TeamProject] = {}
        following, passed = "", set[str]()
        for _ in range(PAGES):
            query = {**self._scope, "limit": str(A_PAGE), **({"from": following} if following else {})}
            page, following = await self.read("/v10/projects", _page_of, query)
            found |= {one.id: one for one in page}
            if not following:
                return tuple(sorted(found.values(), key=lambda one: one.name))
            if following in passed:
                raise Unreadable(self.name, "GET /v10/projects", f"its list leads back to {following}")
            passed.add(following)
        raise Unreadable(self.name, "GET /v10/projects", f"its list goes on after {PAGES} pages")


def _page_of(body: Any) -> tuple[tuple[TeamProject, ...], str]:
    """The projects of a page, and what the next one begins with; empty when this was the last."""
    if isinstance(body, list):  # an older shape, which has no pages
        return tuple(map(_project_of, body)), ""
    following = (body.get("pagination") or {}).get("next")
    return tuple(map(_project_of, body["projects"])), "" if following is None else str(following)


def _project_of(body: Any) -> TeamProject:
    link = body.get("link") or {}
    return TeamProject(
        str(body["id"]),
        str(body["name"]),
        repository_of(link),
        str(link.get("productionBranch") or ""),
        str(body.get("rootDirectory") or "").strip("./"),
    )


def repository_of(link: Mapping[str, Any]) -> str:
    """The ``owner/name`` of Vercel's ``link``, which each kind of host says in its own words; empty for none."""
    match link.get("type"):
        case "gitlab":
            full = str(link.get("projectUrl") or "").partition("://")[2].partition("/")[2].removesuffix(".git")
            owner, name = link.get("projectNamespace"), link.get("projectName")
            return full or (f"{owner}/{name}" if owner and name else "")
        case "bitbucket":
            owner, name = link.get("owner"), link.get("slug")
        case _:
            owner, name = link.get("org") or link.get("owner"), link.get("repo")
    return f"{owner}/{name}" if owner and name else ""

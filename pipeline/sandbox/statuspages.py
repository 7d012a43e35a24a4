"""Serves the vendors' status pages: Vercel's is an Atlassian Statuspage, Neon's is one of incident.io."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, iso
from pipeline.sandbox.web import Payload, Problem, Router

DESCRIPTIONS = {
    "none": "All Systems Operational",
    "minor": "Minor Service Outage",
    "major": "Partial System Outage",
    "critical": "Major Service Outage",
    "maintenance": "Service Under Maintenance",
}
WORST = {"none": "operational", "minor": "degraded_performance", "major": "partial_outage", "critical": "full_outage"}
COMPONENTS = {**WORST, "critical": "major_outage", "maintenance": "under_maintenance"}
VERCEL = ("Builds", "Edge Network", "Edge Functions", "Serverless Functions", "API")


class VercelStatus:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._router = Router(missing)
        for name in ("summary", "status", "components", "incidents"):
            self._router.add("GET", f"/api/v2/{name}.json", self.summary)
        self._router.add("GET", "/api/v2/incidents/unresolved.json", self.summary)
        self._router.add("GET", "/api/v2/scheduled-maintenances/{which}.json", self.summary)

    async def __call__(self, request: Request) -> Response:
        return await self._router(request)

    async def summary(self, request: Request) -> Response:
        pages = self._core.state.status_pages
        whole = summary_of(
            "Vercel",
            "lvglq8h0mdyh",
            self._core.ports.url("vercel-status"),
            VERCEL,
            pages.vercel,
            pages.vercel_incidents,
            iso(self._core.now()),
        )
        return JSONResponse(part_of(whole, request, request.url.path.rsplit("/", 1)[1].removesuffix(".json")))


def part_of(whole: Payload, request: Request, part: str) -> Payload:
    """Take one of the smaller documents out of the summary: they are the parts that their names say."""
    wanted = {
        "summary": tuple(whole),
        "status": ("page", "status"),
        "components": ("page", "components"),
        "incidents": ("page", "incidents"),
        "unresolved": ("page", "incidents"),
        "active": ("page", "scheduled_maintenances"),
        "upcoming": ("page", "scheduled_maintenances"),
    }
    if part not in wanted:
        raise missing(request)
    return {name: whole[name] for name in wanted[part]}


def summary_of(
    name: str, id: str, url: str, components: tuple[str, ...], indicator: str, titles: list[str], now: str
) -> Payload:
    """Make a summary of Atlassian's page at ``url``, with an open incident for each of ``titles``."""
    incidents: list[Payload] = [
        {
            "id": f"inc{index}",
            "name": title,
            "status": "investigating",
            "impact": indicator if indicator != "none" else "minor",
            "shortlink": f"{url}/incidents/inc{index}",
            "created_at": now,
            "updated_at": now,
            "started_at": now,
            "resolved_at": None,
            "monitoring_at": None,
            "page_id": id,
            "incident_updates": [],
            "components": [],
        }
        for index, title in enumerate(titles)
    ]
    return {
        "page": {"id": id, "name": name, "url": url, "time_zone": "Etc/UTC", "updated_at": now},
        "components": [
            {"id": f"cmp{index}", "name": each, "status": COMPONENTS[indicator], "position": index}
            for index, each in enumerate(components)
        ],
        "incidents": incidents,
        "scheduled_maintenances": [],
        "status": {"indicator": indicator, "description": DESCRIPTIONS[indicator]},
    }


class NeonStatus:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._router = Router(missing)
        self._router.add("GET", "/api/v1/summary", self.everywhere)
        self._router.add("GET", "/{subpage}/api/v1/summary", self.one)

    async def __call__(self, request: Request) -> Response:
        return await self._router(request)

    async def everywhere(self, request: Request) -> Response:
        pages = [
            {"subpage": name, "summary": self._summary(with_incidents=name != "console")}
            for name in ("aws-us-east-n-virginia", "console")
        ]
        return JSONResponse({**self._page(), "subpages": pages})

    async def one(self, request: Request) -> Response:
        if request.path_params["subpage"] not in ("aws-us-east-n-virginia", "console"):
            raise missing(request)
        return JSONResponse({**self._page(), **self._summary(request.path_params["subpage"] != "console")})

    def _page(self) -> Payload:
        return {"page_title": "Neon", "page_url": self._core.ports.url("neon-status")}

    def _summary(self, with_incidents: bool) -> Payload:
        pages, now = self._core.state.status_pages, iso(self._core.now())
        names = pages.neon_incidents or (["Increased error rates"] if pages.neon != "none" else [])
        ongoing = [
            {
                "id": f"01NEON{index:04d}",
                "name": name,
                "status": "investigating",
                "url": f"{self._core.ports.url('neon-status')}/incidents/{index}",
                "last_update_at": now,
                "last_update_message": name,
                "current_worst_impact": WORST[pages.neon if pages.neon != "none" else "minor"],
                "affected_components": [],
            }
            for index, name in enumerate(names)
        ]
        return {
            "ongoing_incidents": ongoing if with_incidents else [],
            "in_progress_maintenances": [],
            "scheduled_maintenances": [],
        }


def missing(request: Request) -> Problem:
    return Problem(404, {"error": "Not found"})

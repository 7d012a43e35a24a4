"""Serves status pages of the other vendors, each below its name: Atlassian's of three, and Better Stack's of two."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, iso
from pipeline.sandbox.statuspages import missing, part_of, summary_of
from pipeline.sandbox.web import Payload, Router

ATLASSIAN = {
    "cloudflare": ("Cloudflare", "yh6f0r4529hb", ("API", "CDN/Cache", "DNS", "R2", "Workers")),
    "github": ("GitHub", "kctbh9vrtdwd", ("Git Operations", "API Requests", "Webhooks", "Actions", "Pull Requests")),
    "sentry": ("Sentry", "t687h3m0nh65", ("Dashboard", "US Ingestion", "EU Ingestion", "API", "Notifications")),
}
HOSTED = {
    "upstash": ("Upstash", "https://upstash.com", ("Redis", "QStash", "Console")),
    "betterstack": ("Better Stack", "https://betterstack.com", ("Uptime monitoring", "Incident alerts", "API")),
}
AGGREGATE = {"none": "operational", "minor": "degraded", "major": "downtime", "critical": "downtime",
             "maintenance": "maintenance"}  # fmt: skip


class VendorPages:
    def __init__(self, core: Core) -> None:
        self._core, self._router = core, Router(missing)
        add = self._router.add
        for path in ("{part}", "incidents/{part}", "scheduled-maintenances/{part}"):
            add("GET", f"/{{vendor}}/api/v2/{path}.json", self.atlassian)
        add("GET", "/{vendor}/index.json", self.hosted)

    async def __call__(self, request: Request) -> Response:
        return await self._router(request)

    def _said(self, vendor: str) -> tuple[str, list[str]]:
        """The indicator of a vendor's page, and the titles of its open incidents."""
        pages = self._core.state.status_pages
        return getattr(pages, vendor), getattr(pages, f"{vendor}_incidents")

    async def atlassian(self, request: Request) -> Response:
        vendor = request.path_params["vendor"]
        if vendor not in ATLASSIAN:
            raise missing(request)
        name, id, components = ATLASSIAN[vendor]
        url = f"{self._core.ports.url('statuspages')}/{vendor}"
        indicator, incidents = self._said(vendor)
        whole = summary_of(name, id, url, components, indicator, incidents, iso(self._core.now()))
        return JSONResponse(part_of(whole, request, request.path_params["part"]))

    async def hosted(self, request: Request) -> Response:
        vendor = request.path_params["vendor"]
        if vendor not in HOSTED:
            raise missing(request)
        name, url, resources = HOSTED[vendor]
        indicator, incidents = self._said(vendor)
        state, now = AGGREGATE[indicator], iso(self._core.now())
        included: list[Payload] = [
            {
                "id": str(row),
                "type": "status_page_resource",
                "attributes": {"public_name": each, "status": state, "position": row, "availability": 1.0},
            }
            for row, each in enumerate(resources, 1)
        ]
        affected = [{"status_page_resource_id": one["id"], "status": state} for one in included]
        included += [
            {
                "id": str(900 + row),
                "type": "status_report",
                "attributes": {
                    "title": title,
                    "report_type": "manual",
                    "starts_at": now,
                    "ends_at": None,
                    "affected_resources": affected,
                    "aggregate_state": state,
                },
            }
            for row, title in enumerate(incidents)
        ]
        attributes = {
            "company_name": name, "company_url": url, "subdomain": vendor, "custom_domain": None, "timezone": "UTC",
            "announcement": None, "aggregate_state": state, "created_at": now, "updated_at": now,
        }  # fmt: skip
        related: Payload = {}
        for relation, kind in (("resources", "status_page_resource"), ("status_reports", "status_report")):
            found = [{"id": one["id"], "type": kind} for one in included if one["type"] == kind]
            related[relation] = {"data": found}
        page = {"id": vendor, "type": "status_page", "attributes": attributes, "relationships": related}
        return JSONResponse({"data": page, "included": included})

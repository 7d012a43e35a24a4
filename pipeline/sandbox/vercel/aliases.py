"""Answers about aliases: which host name points to which deployment. The production domain is one of them."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, iso, milliseconds
from pipeline.sandbox.vercel.deployments import find
from pipeline.sandbox.vercel.domains import older
from pipeline.sandbox.vercel.shapes import aliases_of, behind, page, problem, production_domains
from pipeline.sandbox.web import Payload, Router, body, number

LISTED = 3  # aliases a page at least: a person asks for them


class Aliases:
    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self, router: Router) -> None:
        router.add("GET", "/v{v}/aliases", self.listing)
        router.add("GET", "/v{v}/aliases/{alias}", self.get)
        router.add("DELETE", "/v{v}/aliases/{alias}", self.delete)
        router.add("GET", "/v{v}/deployments/{id}/aliases", self.of_deployment)
        router.add("GET", "/now/deployments/{id}/aliases", self.of_deployment)
        router.add("POST", "/v{v}/deployments/{id}/aliases", self.assign)
        router.add("POST", "/now/deployments/{id}/aliases", self.assign)
        router.add("GET", "/v{v}/domains/{domain}", self.domain)

    def _all(self) -> dict[str, str]:
        vercel = self._core.state.vercel
        own = {self._core.host_of(deployment): deployment.id for deployment in vercel.deployments.values()}
        unverified = self._core.state.vercel.unverified
        serving = [name for name, to in production_domains(self._core).items() if not to and name not in unverified]
        domains = {name: behind(self._core).get(name, vercel.production) for name in serving}
        return {**domains, **vercel.aliases, **own}

    async def listing(self, request: Request) -> Response:
        """List the aliases, the newest first."""
        found = [self._shape(host, id) for host, id in self._all().items() if id]
        found = older(request, sorted(found, key=lambda one: -int(one["createdAt"])))
        size = min(number(request, "limit", 20, 100), max(LISTED, self._core.state.vercel.most_listed))
        return JSONResponse(page("aliases", found, size))

    async def get(self, request: Request) -> Response:
        asked = request.path_params["alias"]
        for host, id in self._all().items():
            if asked in (host, _uid(host)) and id:
                return JSONResponse(self._shape(host, id))
        to = production_domains(self._core).get(asked)
        if to:
            return JSONResponse({**self._bare(asked), "redirect": to, "deploymentId": None})
        raise problem(404, "not_found", f"The alias {asked} was not found.")

    def _bare(self, host: str) -> Payload:
        """Shape an alias that has no deployment."""
        began = self._core.state.vercel.created
        return {
            "uid": _uid(host),
            "alias": host,
            "created": iso(began),
            "createdAt": milliseconds(began),
            "projectId": self._core.state.vercel.project,
        }

    async def delete(self, request: Request) -> Response:
        asked = request.path_params["alias"]
        for host in list(self._core.state.vercel.aliases):
            if asked in (host, _uid(host)):
                del self._core.state.vercel.aliases[host]
                return JSONResponse({"status": "SUCCESS"})
        raise problem(404, "not_found", f"The alias {asked} was not found.")

    async def of_deployment(self, request: Request) -> Response:
        deployment = find(self._core, request.path_params["id"])
        found = [self._shape(host, deployment.id) for host in aliases_of(self._core, deployment)]
        return JSONResponse({"aliases": [{k: f[k] for k in ("uid", "alias", "created")} for f in found]})

    async def assign(self, request: Request) -> Response:
        deployment, vercel = find(self._core, request.path_params["id"]), self._core.state.vercel
        alias = str((await body(request)).get("alias", ""))
        if not alias:
            raise problem(400, "bad_request", "Invalid request: missing required property `alias`.")
        if alias == self._core.ports.host("production"):
            vercel.production, vercel.production_since, deployment.was_production = (
                deployment.id,
                self._core.now(),
                True,
            )
        else:
            vercel.aliases[alias] = deployment.id
        return JSONResponse({"uid": _uid(alias), "alias": alias, "created": iso(self._core.now())})

    async def domain(self, request: Request) -> Response:
        """Answer about the production domain, which is the team's; there is no other."""
        asked, vercel = request.path_params["domain"], self._core.state.vercel
        if asked != self._core.ports.host("production"):
            raise problem(404, "not_found", f"The domain {asked} was not found.")
        began = milliseconds(vercel.created)
        creator = {"id": vercel.user, "username": "dana", "email": "dana@lms.example.com"}
        found = {
            "name": asked, "id": _uid(asked), "teamId": vercel.team, "verified": True, "serviceType": "external",
            "nameservers": [], "intendedNameservers": [], "customNameservers": [], "creator": creator,
            "createdAt": began, "boughtAt": None, "expiresAt": None, "orderedAt": None, "renew": None,
            "transferredAt": None, "transferStartedAt": None, "userId": vercel.user,
        }  # fmt: skip
        return JSONResponse({"domain": found})

    def _shape(self, host: str, id: str) -> Payload:
        vercel = self._core.state.vercel
        deployment = vercel.deployments[id]
        moment = vercel.production_since if host == self._core.ports.host("production") else deployment.created
        return {
            "uid": _uid(host),
            "alias": host,
            "created": iso(moment),
            "createdAt": milliseconds(moment),
            "deploymentId": id,
            "deployment": {"id": id, "url": self._core.host_of(deployment), "meta": "{}"},
            "projectId": vercel.project,
        }


def _uid(host: str) -> str:
    return "als_" + host.encode().hex()[:24]

"""Serves Cloudflare's API about R2, under /client/v4, and what it knows of its own token."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.cloudflare.graphql import Field, QueryError, parsed
from pipeline.sandbox.cloudflare.usage import Usage
from pipeline.sandbox.core import Core, iso
from pipeline.sandbox.web import Payload, Problem, Router, bearer, body, number

ROOT = "/client/v4"
DENIED = "Authentication error"
VERIFY, GRAPHQL = ROOT + "/user/tokens/verify", ROOT + "/graphql"
EMPTY = {"payloadSize": 0, "metadataSize": 0, "objects": 0}


class CloudflareApi:
    def __init__(self, core: Core) -> None:
        self._core, self._usage = core, Usage(core)
        self._router = Router(lambda request: failure(404, 7003, "Could not route to the path"), self._authorize)
        add, r2 = self._router.add, ROOT + "/accounts/{account}/r2"
        add("GET", VERIFY, self.verify)
        add("GET", ROOT + "/accounts/{account}/tokens/verify", self.verify)
        add("POST", GRAPHQL, self.graphql)
        add("GET", r2 + "/metrics", self.metrics)
        add("GET", r2 + "/buckets", self.buckets)
        add("GET", r2 + "/buckets/{bucket}", self.bucket)
        add("GET", r2 + "/buckets/{bucket}/cors", self.cors)

    async def __call__(self, request: Request) -> Response:
        return await self._router(request)

    def _authorize(self, request: Request) -> None:
        path, active = request.scope["path"], self._core.state.cloudflare.status == "active"
        if bearer(request) != self._core.state.tokens["cloudflare"]:
            raise failure(401, 1000, "Invalid API Token") if path == VERIFY else failure(403, 10000, DENIED)
        if path == VERIFY:
            return
        parts = path.split("/")
        if not active or (parts[3:4] == ["accounts"] and parts[4:5] != [self._core.state.r2.account]):
            raise failure(403, 10000, DENIED)

    async def verify(self, request: Request) -> Response:
        state = self._core.state.cloudflare
        says = {"active": "valid and active"}.get(state.status, state.status)
        message = {"code": 10000, "message": f"This API Token is {says}", "type": None}
        found = {"id": state.token_id, "status": state.status}
        found |= {"expires_on": state.expires_on} if state.expires_on else {}
        return JSONResponse({"success": True, "errors": [], "messages": [message], "result": found})

    async def metrics(self, request: Request) -> Response:
        """Answer with the metrics of the whole account, which has one bucket."""
        now = self._usage.storage()
        stored = {"payloadSize": now["payloadSize"], "metadataSize": now["metadataSize"], "objects": now["objectCount"]}
        nothing = {"published": EMPTY, "uploaded": EMPTY}
        return envelope({"standard": {**nothing, "published": stored}, "infrequentAccess": nothing})

    async def buckets(self, request: Request) -> Response:
        """List all buckets whose name contains ``name_contains``."""
        named = request.query_params.get("name_contains", "") in self._core.state.r2.bucket
        per_page = {"per_page": number(request, "per_page", 20, 1000)}
        return envelope({"buckets": [self._bucket()] if named else []}, result_info=per_page)

    async def bucket(self, request: Request) -> Response:
        self._known(request)
        return envelope(self._bucket())

    async def cors(self, request: Request) -> Response:
        self._known(request)
        rules = self._core.state.r2.cors
        if not rules:
            raise failure(404, 10059, "The CORS configuration does not exist.")
        shown = [
            {
                **rule,
                "allowed": {**rule["allowed"], "origins": [self._core.fill(o) for o in rule["allowed"]["origins"]]},
            }
            for rule in rules
        ]
        return envelope({"rules": shown})

    def _known(self, request: Request) -> None:
        if request.path_params["bucket"] != self._core.state.r2.bucket:
            raise failure(404, 10006, "The specified bucket does not exist.")

    def _bucket(self) -> Payload:
        r2 = self._core.state.r2
        return {
            "name": r2.bucket,
            "creation_date": iso(r2.created),
            "location": r2.location,
            "jurisdiction": "default",
            "storage_class": "Standard",
        }

    async def graphql(self, request: Request) -> Response:
        """Answer a query for analytics; whatever is wrong with it is said with status 200."""
        request.scope["changes_nothing"] = True
        try:
            sent = await body(request)
            fields = parsed(str(sent.get("query") or ""), sent.get("variables") or {})
            data = {field.key: self._viewer(field) for field in fields}
        except (QueryError, ValueError) as error:
            extensions = {"timestamp": iso(self._core.now())}
            says = {"message": str(error), "path": None, "extensions": extensions}
            return JSONResponse({"data": None, "errors": [says]})
        return JSONResponse({"data": data, "errors": None})

    def _viewer(self, field: Field) -> Payload:
        accounts = [one for one in field.fields if one.name == "accounts"]
        if field.name != "viewer" or len(accounts) < len(field.fields) or not accounts:
            raise QueryError("this API answers viewer { accounts { … } }")
        return {account.key: [self._account(account)] for account in accounts}

    def _account(self, field: Field) -> Payload:
        if (field.arguments.get("filter") or {}).get("accountTag") != self._core.state.r2.account:
            raise QueryError("not authorized for that account")
        found: Payload = {}
        for asked in field.fields:
            found[asked.key] = self._core.state.r2.account if asked.name == "accountTag" else self._usage.groups(asked)
        return found


def envelope(result: Payload, **more: Payload) -> Response:
    return JSONResponse({"success": True, "errors": [], "messages": [], "result": result, **more})


def failure(status: int, code: int, message: str) -> Problem:
    says = [{"code": code, "message": message}]
    return Problem(status, {"success": False, "errors": says, "messages": [], "result": None})

"""Answers with build events and runtime logs."""

import json
from collections.abc import AsyncIterator, Iterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from pipeline.sandbox.core import Core, milliseconds
from pipeline.sandbox.traffic import Hit
from pipeline.sandbox.vercel import life
from pipeline.sandbox.vercel.deployments import find
from pipeline.sandbox.vercel.shapes import aliases_of
from pipeline.sandbox.vercelstate import Deployment
from pipeline.sandbox.web import Payload, Router

FOLLOW_STEP = 0.1
LONGEST_FOLLOW = 300.0


class Logs:
    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self, router: Router) -> None:
        router.add("GET", "/v{v}/deployments/{id}/events", self.events)
        router.add("GET", "/v{v}/now/deployments/{id}/events", self.events)
        router.add("GET", "/v{v}/deployments/{id}/builds", self.builds)
        router.add("GET", "/v{v}/projects/{project}/deployments/{id}/runtime-logs", self.runtime)

    async def events(self, request: Request) -> Response:
        """Answer with a JSON array.

        With ``follow=1`` or ``format=lines`` one object per line, as long as the build runs.
        """
        deployment, query = find(self._core, request.path_params["id"]), request.query_params
        follow = query.get("follow") in ("1", "true")
        if follow or query.get("format") == "lines":
            return StreamingResponse(self._stream(deployment, follow), media_type="application/stream+json")
        return JSONResponse(list(self._events(deployment, self._core.now())))

    async def _stream(self, deployment: Deployment, follow: bool) -> AsyncIterator[str]:
        sent, began = 0, self._core.now()
        while True:
            now = self._core.now()
            lines = list(self._events(deployment, now))
            for line in lines[sent:]:
                yield json.dumps(line) + "\n"
            sent = len(lines)
            under_way = life.ready_state(deployment, now) in life.UNDER_WAY
            if not follow or not under_way or now - began > LONGEST_FOLLOW:
                break
            await self._core.sleep(FOLLOW_STEP)
        life.settle(self._core)
        if follow and life.ready_state(deployment, self._core.now()) == "READY":
            yield json.dumps(self._assigned(deployment)) + "\n"

    def _assigned(self, deployment: Deployment) -> Payload:
        return {
            "type": "alias-assigned",
            "deploymentId": deployment.id,
            "date": milliseconds(self._core.now()),
            "alias": aliases_of(self._core, deployment),
            "aliasError": None,
            "aliasWarning": None,
        }

    def _events(self, deployment: Deployment, now: float) -> Iterator[Payload]:
        """Make the lines written by ``now``: they are spread over the build, and stop where it hangs."""
        for index, text in enumerate(deployment.log):
            moment = deployment.created + deployment.takes * (0.25 + 0.7 * index / max(1, len(deployment.log)))
            if (
                moment > now
                or (deployment.stuck and index > 1)
                or (deployment.canceled and moment > deployment.canceled)
            ):
                return
            yield {
                "type": "stderr" if text.startswith(("Error", "Warning")) else "stdout",
                "created": milliseconds(moment),
                "date": milliseconds(moment),
                "deploymentId": deployment.id,
                "id": f"{deployment.id}-{index}",
                "serial": f"{index:06d}",
                "text": text,
                "info": {"type": "build", "name": "bld_" + deployment.id[4:12], "entrypoint": "."},
            }

    async def builds(self, request: Request) -> Response:
        deployment = find(self._core, request.path_params["id"])
        build = {
            "id": "bld_" + deployment.id[4:12],
            "deploymentId": deployment.id,
            "entrypoint": ".",
            "readyState": life.ready_state(deployment, self._core.now()),
            "createdAt": milliseconds(deployment.created),
            "use": "@vercel/vc-build",
            "output": [{"path": entry.file, "digest": entry.sha} for entry in deployment.files[:50]],
        }
        return JSONResponse({"builds": [build]})

    async def runtime(self, request: Request) -> Response:
        """Answer with one object per line for each request to the deployment that is still remembered."""
        deployment = find(self._core, request.path_params["id"])
        lines = (json.dumps(_line(hit, row)) + "\n" for row, hit in self._of(deployment.id))
        return Response("".join(lines), media_type="application/stream+json")

    def _of(self, deployment: str) -> Iterator[tuple[int, Hit]]:
        for row, hit in enumerate(self._core.traffic):
            if deployment in ("", hit.deployment):
                yield row, hit


def _line(hit: Hit, row: int) -> Payload:
    return {
        "rowId": str(row),
        "timestampInMs": milliseconds(hit.at),
        "level": hit.level,
        "message": hit.message,
        "messageTruncated": False,
        "source": "serverless",
        "domain": hit.host,
        "requestMethod": hit.method,
        "requestPath": hit.path,
        "responseStatusCode": hit.status,
    }

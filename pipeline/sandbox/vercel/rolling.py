"""Answers about rolling releases: how promotions are staged, and the one that is under way or was last."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox import rollout
from pipeline.sandbox.core import Core, milliseconds
from pipeline.sandbox.vercel import life, shapes
from pipeline.sandbox.vercel.deployments import find
from pipeline.sandbox.vercel.projects import find_project
from pipeline.sandbox.vercel.shapes import problem
from pipeline.sandbox.vercelstate import Deployment, RollingRelease
from pipeline.sandbox.web import Payload, Router, body

ADVANCEMENTS = ("automatic", "manual-approval")
KEPT = ("canaryResponseHeader", "gate")


class Rolling:
    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self, router: Router) -> None:
        root = "/v{v}/projects/{project}/rolling-release"
        router.add("GET", root, self.get)
        router.add("GET", root + "/billing", self.billing)
        router.add("GET", root + "/config", self.config)
        router.add("PATCH", root + "/config", self.configure)
        router.add("DELETE", root + "/config", self.disable)
        router.add("POST", root + "/start", self.start)
        router.add("POST", root + "/approve-stage", self.approve)
        router.add("POST", root + "/complete", self.complete)

    async def get(self, request: Request) -> Response:
        """Answer with the rolling release under way, or else the last one, if its ``state`` is the one asked for."""
        find_project(self._core, request)
        rolling, wanted = self._core.state.vercel.rolling, request.query_params.get("state")
        return self._answer(rolling if rolling and wanted in (None, rolling.state) else None)

    async def billing(self, request: Request) -> Response:
        find_project(self._core, request)
        says = {"availableSlots": "unlimited", "reason": "unlimited_slots", "message": "Rolling releases are included."}
        return JSONResponse(says)

    async def config(self, request: Request) -> Response:
        find_project(self._core, request)
        return JSONResponse({"rollingRelease": self._core.state.vercel.rolling_config})

    async def configure(self, request: Request) -> Response:
        """Configure stages: ``enabled: false`` switches them off.

        Nothing at all, as the SDK sends it, changes nothing.
        """
        find_project(self._core, request)
        sent = await body(request)
        if sent:
            self._core.state.vercel.rolling_config = _config(sent) if sent.get("enabled") is not False else None
        return JSONResponse({"rollingRelease": self._core.state.vercel.rolling_config})

    async def disable(self, request: Request) -> Response:
        find_project(self._core, request)
        self._core.state.vercel.rolling_config = None
        return JSONResponse({"rollingRelease": None})

    async def start(self, request: Request) -> Response:
        find_project(self._core, request)
        canary = await self._canary(request)
        core, vercel = self._core, self._core.state.vercel
        if vercel.rolling_config is None:
            raise problem(400, "bad_request", "Rolling releases are not enabled for this project.")
        if rollout.active(vercel):
            raise problem(409, "conflict", "A rolling release is already in progress.")
        if vercel.production == canary.id:
            raise problem(409, "conflict", "The deployment is already the current production deployment.")
        if canary.target != "production" or life.ready_state(canary, core.now()) != "READY":
            raise problem(422, "unprocessable_entity", "Only a ready production deployment can be released.")
        stuck = bool(request.scope.get("never_finishes"))
        return self._answer(rollout.begin(vercel, canary.id, core.now(), core.state.next_id(), stuck))

    async def approve(self, request: Request) -> Response:
        """Approve the active stage: ``activeStageIndex`` may be left out; when it is there it must be that one."""
        find_project(self._core, request)
        rolling, sent = await self._under_way(request), await body(request)
        active, following = sent.get("activeStageIndex", rolling.stage), sent.get("nextStageIndex")
        if active != rolling.stage or following != rolling.stage + 1:
            raise problem(
                400, "bad_request", f"Stage {following} does not follow the active stage, which is {rolling.stage}."
            )
        core = self._core
        rollout.enter(core.state.vercel, rolling, rolling.stage + 1, core.now(), core.state.next_id())
        return self._answer(rolling)

    async def complete(self, request: Request) -> Response:
        find_project(self._core, request)
        rolling, core = await self._under_way(request), self._core
        rollout.complete(core.state.vercel, rolling, core.now(), core.state.next_id())
        return self._answer(rolling)

    async def _canary(self, request: Request) -> Deployment:
        id = (await body(request)).get("canaryDeploymentId")
        if not isinstance(id, str):
            raise problem(400, "bad_request", "Invalid request: missing required property `canaryDeploymentId`.")
        return find(self._core, id)

    async def _under_way(self, request: Request) -> RollingRelease:
        canary, rolling = await self._canary(request), rollout.active(self._core.state.vercel)
        if rolling is None or rolling.canary != canary.id:
            raise problem(404, "not_found", f"There is no active rolling release of {canary.id}.")
        return rolling

    def _answer(self, rolling: RollingRelease | None) -> Response:
        return JSONResponse({"rollingRelease": self._shape(rolling) if rolling else None})

    def _shape(self, rolling: RollingRelease) -> Payload:
        under_way = rolling.state == "ACTIVE"
        stages = [_stage(rolling, index) for index in range(len(rolling.stages))]
        approved = any(stage["requireApproval"] for stage in stages)
        return {
            "state": rolling.state,
            "substate": None,
            "advancementType": "manual-approval" if approved else "automatic",
            "currentDeployment": self._deployment(rolling.current),
            "canaryDeployment": self._deployment(rolling.canary),
            "queuedDeploymentId": rolling.queued or None,
            "stages": stages,
            "activeStage": stages[rolling.stage] if under_way else None,
            "nextStage": stages[rolling.stage + 1] if under_way and rolling.stage + 1 < len(stages) else None,
            "currentCanaryPercentage": rollout.share(rolling) if under_way else 100.0 * (rolling.state == "COMPLETE"),
            "startedAt": milliseconds(rolling.started),
            "updatedAt": milliseconds(rolling.updated),
        }

    def _deployment(self, id: str) -> Payload | None:
        deployment = self._core.state.vercel.deployments.get(id)
        if deployment is None:
            return None
        whole = shapes.summary(self._core, deployment)
        names = ("name", "url", "target", "source", "createdAt", "readyState")
        return {
            "id": id,
            **{name: whole[name] for name in names},
            "readyStateAt": whole.get("ready", whole["createdAt"]),
        }


def _stage(rolling: RollingRelease, index: int) -> Payload:
    """Shape a stage: ``duration`` in seconds here, and null where somebody must approve."""
    stage, final = rolling.stages[index], rollout.is_final(rolling, index)
    return {
        "index": index,
        "isFinalStage": final,
        "targetPercentage": stage["targetPercentage"],
        "requireApproval": bool(stage.get("requireApproval")) and not final,
        "duration": None if final else rollout.seconds_of(stage),
        "linearShift": bool(stage.get("linearShift")),
    }


def _config(sent: Payload) -> Payload:
    """Read the configuration of a request: stages with growing shares, the last of them 100. Raises Problem."""
    kind, given = sent.get("advancementType", "automatic"), sent.get("stages")
    if kind not in ADVANCEMENTS:
        raise problem(
            400, "bad_request", f"Invalid request: `advancementType` should be one of {', '.join(ADVANCEMENTS)}."
        )
    if not isinstance(given, list) or len(given) < 2:
        raise problem(400, "bad_request", "Invalid request: `stages` should NOT have fewer than 2 items.")
    stages = [_checked(stage, kind == "manual-approval") for stage in given]
    shares = [stage["targetPercentage"] for stage in stages]
    if shares != sorted(set(shares)) or shares[-1] != 100 or shares[0] <= 0:
        raise problem(400, "bad_request", "Invalid request: the percentages of `stages` should grow and end at 100.")
    stages[-1] = {"targetPercentage": 100}
    return {"target": "production", "stages": stages, **{name: sent[name] for name in KEPT if name in sent}}


def _checked(stage: Any, by_hand: bool) -> Payload:
    if not isinstance(stage, dict) or not isinstance(stage.get("targetPercentage"), int | float):
        raise problem(400, "bad_request", "Invalid request: each of `stages` needs a `targetPercentage`.")
    kept = {name: stage[name] for name in ("targetPercentage", "duration", "linearShift") if name in stage}
    return {**kept, "requireApproval": by_hand or bool(stage.get("requireApproval"))}

"""Answers about environment variables of the project.

Stored values may hold placeholders; answers hold the real thing.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, milliseconds
from pipeline.sandbox.vercel.projects import find_project
from pipeline.sandbox.vercel.shapes import page, problem
from pipeline.sandbox.vercelstate import Variable
from pipeline.sandbox.web import Payload, Router

HIDDEN = ("sensitive", "secret")
TYPES = ("plain", "encrypted", "sensitive", "secret", "system")
LISTED = 8  # variables a page at least: a deploy asks for them several times
TARGETS = ("production", "preview", "development")


class Variables:
    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self, router: Router) -> None:
        root = "/v{v}/projects/{project}/env"
        router.add("GET", root, self.listing)
        router.add("POST", root, self.create)
        router.add("GET", root + "/{id}", self.get)
        router.add("PATCH", root + "/{id}", self.change)
        router.add("DELETE", root + "/{id}", self.delete)
        router.add("GET", "/v{v}/env", self.shared)
        router.add("GET", "/v{v}/env/{id}", self.shared_one)
        for more in ("", "/{target}", "/{target}/{branch}"):
            router.add("GET", "/v{v}/env/pull/{project}" + more, self.pull)

    async def listing(self, request: Request) -> Response:
        find_project(self._core, request)
        query = request.query_params
        wanted, branch = query.get("target"), query.get("gitBranch")
        decrypt = query.get("decrypt") == "true"
        found = [
            self._shape(one, decrypt)
            for one in self._core.state.vercel.env
            if (not wanted or wanted in (*one.target, *one.custom)) and (not branch or one.branch in ("", branch))
        ]
        until = query.get("until", "")
        found = sorted(
            (one for one in found if not until.isdigit() or one["createdAt"] < int(until)),
            key=lambda one: -int(one["createdAt"]),
        )
        return JSONResponse(page("envs", found, max(LISTED, self._core.state.vercel.most_listed)))

    async def shared(self, request: Request) -> Response:
        """List the team's variables that are linked to the project."""
        vercel, project = self._core.state.vercel, request.query_params.get("projectId")
        linked = vercel.shared if project in (None, vercel.project) else []
        found = [{**self._shape(one, False), "projectId": [vercel.project], "ownerId": vercel.team} for one in linked]
        return JSONResponse({"data": found, "pagination": {"count": len(found), "next": None, "prev": None}})

    async def shared_one(self, request: Request) -> Response:
        for one in self._core.state.vercel.shared:
            if one.id == request.path_params["id"]:
                return JSONResponse(self._shape(one, True))
        raise problem(404, "not_found", "Shared environment variable not found.")

    async def get(self, request: Request) -> Response:
        variable = self._find(request)
        return JSONResponse({**self._shape(variable, True), "decrypted": variable.type not in HIDDEN})

    async def create(self, request: Request) -> Response:
        find_project(self._core, request)
        sent = await request.json()
        upsert = request.query_params.get("upsert") == "true"
        made = [self._add(one, upsert) for one in (sent if isinstance(sent, list) else [sent])]
        return JSONResponse({"created": made if isinstance(sent, list) else made[0], "failed": []}, 201)

    def _add(self, sent: Any, upsert: bool) -> Payload:
        if not isinstance(sent, dict) or not sent.get("key") or "value" not in sent:
            raise problem(400, "bad_request", "Invalid request: missing required property `key` or `value`.")
        now, env = self._core.now(), self._core.state.vercel.env
        custom = custom_of(self._core, sent)
        targets = sent.get("target") or ([] if custom else list(TARGETS))
        targets = [targets] if isinstance(targets, str) else list(targets)
        kind = sent.get("type", "encrypted")
        if kind not in TYPES:
            raise problem(400, "bad_request", f"Invalid request: `type` should be one of {', '.join(TYPES)}.")
        new = Variable(
            f"env_{self._core.state.next_id()}",
            str(sent["key"]),
            str(sent["value"]),
            kind,
            targets,
            now,
            str(sent.get("gitBranch") or ""),
            now,
            str(sent.get("comment") or ""),
            custom,
        )
        alike = (variable for variable in env if (variable.key, variable.branch) == (new.key, new.branch))
        same = [one for one in alike if {*one.target, *one.custom} & {*targets, *custom}]
        if same and not upsert:
            raise problem(
                400,
                "ENV_CONFLICT",
                f"A variable with the name `{new.key}` already exists for the target {[*targets, *custom][0]}",
            )
        for variable in same:
            env.remove(variable)
        env.append(new)
        return self._shape(new, False)

    async def change(self, request: Request) -> Response:
        variable, sent = self._find(request), await request.json()
        variable.key, variable.value = str(sent.get("key", variable.key)), str(sent.get("value", variable.value))
        variable.type = sent.get("type", variable.type)
        targets = sent.get("target", variable.target)
        variable.target = [targets] if isinstance(targets, str) else list(targets)
        variable.branch = str(sent.get("gitBranch", variable.branch) or "")
        variable.custom = custom_of(self._core, sent) if "customEnvironmentIds" in sent else variable.custom
        variable.updated = self._core.now()
        return JSONResponse(self._shape(variable, False))

    async def delete(self, request: Request) -> Response:
        variable = self._find(request)
        self._core.state.vercel.env.remove(variable)
        return JSONResponse(self._shape(variable, False))

    async def pull(self, request: Request) -> Response:
        vercel, named = self._core.state.vercel, request.path_params
        if named["project"] not in (vercel.project, vercel.name, *vercel.deployments):
            raise problem(404, "not_found", "Project not found.")
        if named["project"] in vercel.deployments:  # what it was made with, whatever was changed since
            hidden = {one.key for one in vercel.env if one.type in HIDDEN}
            env = vercel.deployments[named["project"]].env
            found = {key: self._core.fill(value) for key, value in env.items() if key not in hidden}
        else:
            found = environment(self._core, named.get("target", "development"), named.get("branch", ""), readable=True)
        return JSONResponse({"env": found, "buildEnv": found})

    def _find(self, request: Request) -> Variable:
        find_project(self._core, request)
        for variable in self._core.state.vercel.env:
            if variable.id == request.path_params["id"]:
                return variable
        raise problem(404, "not_found", "Environment variable not found.")

    def _shape(self, variable: Variable, decrypt: bool) -> Payload:
        if variable.type in HIDDEN:
            value = ""
        elif decrypt or variable.type in ("plain", "system"):
            value = self._core.fill(variable.value)
        else:
            value = "eyJ2IjoidjIiLCJjIjoi" + variable.id.encode().hex()  # opaque, like the real listing's
        return {
            "id": variable.id,
            "key": variable.key,
            "value": value,
            "type": variable.type,
            "target": variable.target,
            **({"gitBranch": variable.branch} if variable.branch else {}),
            "configurationId": None,
            "comment": variable.comment,
            "createdAt": milliseconds(variable.created),
            "updatedAt": milliseconds(variable.updated or variable.created),
            "createdBy": self._core.state.vercel.user,
            "updatedBy": None,
            "customEnvironmentIds": [f"env_{slug}" for slug in variable.custom],
            "decrypted": decrypt and variable.type not in HIDDEN,
            "securityIssues": [],
        }


def custom_of(core: Core, sent: Any) -> list[str]:
    """The slugs of the custom environments that a variable is to be set on. Raises Problem for an unknown one."""
    known = {one.id: one.slug for one in core.state.vercel.custom}
    ids = [str(id) for id in sent.get("customEnvironmentIds") or ()]
    if unknown := [id for id in ids if id not in known]:
        raise problem(400, "bad_request", f"Custom environment not found: {unknown[0]}")
    return [known[id] for id in ids]


def environment(core: Core, target: str, branch: str = "", readable: bool = False) -> dict[str, str]:
    """The variables that a deployment of ``target``, or of the custom environment of that slug, is given.

    With ``readable`` as somebody reads it back: addresses filled in, and empty where Vercel keeps it to itself.

    A branch's own value wins over the general one.
    """
    chosen = [
        one
        for one in (*core.state.vercel.shared, *sorted(core.state.vercel.env, key=lambda one: bool(one.branch)))
        if target in (*one.target, *one.custom) and one.branch in ("", branch)
    ]
    if not readable:
        return {one.key: one.value for one in chosen}
    return {one.key: "" if one.type in HIDDEN else core.fill(one.value) for one in chosen}

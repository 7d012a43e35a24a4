"""Restores: a snapshot as a branch, that branch in the place of another, a branch reset to what another has."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox import schema
from pipeline.sandbox.core import Core, iso
from pipeline.sandbox.neon import rules
from pipeline.sandbox.neon.branches import new_branch
from pipeline.sandbox.neon.copies import Copies
from pipeline.sandbox.neon.operations import Operations
from pipeline.sandbox.neon.rules import problem
from pipeline.sandbox.neon.shapes import Shapes
from pipeline.sandbox.neonstate import Branch, Operation, Snapshot
from pipeline.sandbox.web import Router

LAST_NIGHT = "seeded"  # the database of the cluster that the nightly snapshot stands for


class Restores:
    def __init__(self, core: Core, copies: Copies, operations: Operations, shapes: Shapes) -> None:
        self._core, self._copies, self._operations, self._shapes = core, copies, operations, shapes

    def routes(self, router: Router, root: str) -> None:
        router.add("POST", root + "/snapshots/{snapshot}/restore", self.from_snapshot)
        router.add("POST", root + "/branches/{branch}/finalize_restore", self.finalize)
        router.add("POST", root + "/branches/{branch}/restore", self.from_branch)

    async def from_snapshot(self, request: Request) -> Response:
        """Make a branch with the snapshot's data; with ``finalize_restore`` it takes the target's place at once."""
        core, neon, sent = self._core, self._core.state.neon, await rules.sent_by(request)
        snapshot = rules.snapshot_of(core, request.path_params["snapshot"])
        self._operations.free()
        target = neon.found(str(sent.get("target_branch_id") or snapshot.branch))
        if target is None and (sent.get("target_branch_id") or sent.get("finalize_restore")):
            raise problem(404, "BRANCH_NOT_FOUND", "branch not found")
        rules.room(core)
        name = str(sent.get("name") or request.query_params.get("name") or "")
        branch = new_branch(core, name or f"{snapshot.name}_restored_{iso(core.now())}", self._copies)
        rules.unused(core, branch.name)
        branch.snapshot, branch.replaces = snapshot.id, target.id if target else snapshot.branch
        neon.branches.append(branch)
        operations = self._operations.begin(branch.id, "create_branch")
        branch.broken = not await self._operations.act(operations, lambda: self._thaw(snapshot, branch))
        if target and sent.get("finalize_restore") and not branch.broken:
            operations += await self._put_in_place(branch, target, "")
        answer = {
            "branch": self._shapes.branch(branch), "operations": self._operations.shapes(operations),
            "endpoints": [self._shapes.endpoint(branch)] if branch.endpoint else [],
        }  # fmt: skip
        return JSONResponse(answer)

    def _thaw(self, snapshot: Snapshot, branch: Branch) -> None:
        self._copies.copy(snapshot.database or LAST_NIGHT, branch.database)
        if not snapshot.database:  # it was seeded before this sandbox gave the student a password
            schema.set_password(self._copies.url(branch.database), self._core.state.student["password"])

    async def finalize(self, request: Request) -> Response:
        """Put a branch that was made from a snapshot in the place of the one it is meant to replace."""
        branch = rules.branch_of(self._core, request.path_params["branch"])
        if not branch.snapshot or branch.finalized:
            raise problem(422, "", "the branch was not restored from a snapshot, or is finalized already")
        sent = await rules.sent_by(request)
        self._operations.free()
        target = rules.branch_of(self._core, branch.replaces)
        operations = await self._put_in_place(branch, target, str(sent.get("name") or ""))
        return JSONResponse({"operations": self._operations.shapes(operations)})

    async def _put_in_place(self, branch: Branch, target: Branch, old_name: str) -> list[Operation]:
        """Give ``branch`` name, compute and so address of ``target``, which stays beside it as ``(old)``.

        The id of the default branch is another one from now on, as on Neon.
        """
        neon, endpoint = self._core.state.neon, target.endpoint
        old_name = old_name or self._free_name(f"{target.name} (old)")
        rules.unused(self._core, old_name)
        operations = self._operations.begin(target.id, "suspend_compute", endpoint=endpoint) if endpoint else []
        operations += self._operations.begin(
            branch.id, "start_compute" if endpoint else "apply_config", endpoint=endpoint
        )
        aside, address = self._copies.fresh("br"), target.database or self._copies.main
        if not await self._operations.act(operations, lambda: self._copies.swap(address, branch.database, aside)):
            return operations
        branch.database, target.database = target.database, aside
        branch.endpoint, target.endpoint = endpoint, ""
        branch.name, target.name = target.name, old_name
        branch.protected, target.protected = target.protected, False
        branch.expires, target.expires = target.expires, 0
        branch.updated = target.updated = self._core.now()
        branch.finalized = True
        if neon.branch == target.id:
            neon.branch = branch.id
        return operations

    async def from_branch(self, request: Request) -> Response:
        """Reset a branch to what another one has now; id, name and address stay."""
        core, sent = self._core, await rules.sent_by(request)
        target = rules.branch_of(core, request.path_params["branch"])
        source = rules.branch_of(core, sent.get("source_branch_id"))
        moment, keep = (
            (sent.get("source_timestamp"), sent.get("source_lsn")),
            str(sent.get("preserve_under_name") or ""),
        )
        self._operations.free()
        if source is target and not any(moment):
            raise problem(400, "", "source_timestamp or source_lsn is required to restore a branch from itself")
        rules.only_now(core, *moment)
        if not keep and (source is target or rules.has_children(core, target)):
            raise problem(422, "", "preserve_under_name is required: the branch has children or is its own source")
        if keep:
            rules.unused(core, keep)
            rules.room(core)
        target.reset = core.now()
        actions = ("create_timeline", "start_compute") if target.endpoint else ("create_timeline",)
        operations = self._operations.begin(target.id, *actions, endpoint=target.endpoint)
        backup = new_branch(core, keep, self._copies)
        if await self._operations.act(operations, lambda: self._reset(target, source, backup.database, bool(keep))):
            target.updated = core.now()
            if keep:
                self._keep(target, backup)
        return JSONResponse({"branch": self._shapes.branch(target), "operations": self._operations.shapes(operations)})

    def _reset(self, target: Branch, source: Branch, aside: str, keep: bool) -> None:
        new, main = self._copies.fresh("br"), self._copies.main
        self._copies.copy(source.database or main, new)
        self._copies.swap(target.database or main, new, aside)
        if not keep:
            self._copies.drop(aside)

    def _keep(self, target: Branch, backup: Branch) -> None:
        """Keep what the branch was under another name, as the parent of its children."""
        backup.parent = target.parent
        for child in self._core.state.neon.branches:
            if child.parent == target.id:
                child.parent = backup.id
        self._core.state.neon.branches.append(backup)

    def _free_name(self, name: str) -> str:
        known = {branch.name for branch in self._core.state.neon.branches}
        return name if name not in known else f"{name} {iso(self._core.now())}"

"""Refuses what Neon refuses, in its words."""

import uuid
from typing import Any

from starlette.requests import Request

from pipeline.sandbox.core import Core, from_iso
from pipeline.sandbox.neonstate import Branch, Snapshot
from pipeline.sandbox.web import Payload, Problem, body

NOW = 60.0  # a moment this long ago is still "now": the sandbox keeps no history
LONGEST = 30 * 86400.0  # that a branch may be told to live


def problem(status: int, code: str, message: str) -> Problem:
    return Problem(status, {"request_id": str(uuid.uuid4()), "code": code, "message": message})


async def sent_by(request: Request) -> Payload:
    """Read the JSON object that was sent. Raises Problem 400."""
    try:
        return await body(request)
    except ValueError as error:
        raise problem(400, "", f"request body has an error: {error}") from None


def part(sent: Payload, name: str) -> Payload:
    """Read the object ``name`` of the body; empty when it is missing. Raises Problem 400."""
    found = sent.get(name) or {}
    if not isinstance(found, dict):
        raise problem(400, "", f'request body has an error: "{name}" must be an object')
    return found


def branch_of(core: Core, id: Any) -> Branch:
    """Find a branch by its id. Raises Problem 404."""
    found = core.state.neon.found(str(id))
    if found is None:
        raise problem(404, "BRANCH_NOT_FOUND", "branch not found")
    return found


def snapshot_of(core: Core, id: str) -> Snapshot:
    """Find a snapshot by its id. Raises Problem 404."""
    for snapshot in core.state.neon.snapshots:
        if snapshot.id == id:
            return snapshot
    raise problem(404, "", "snapshot not found")


def room(core: Core) -> None:
    """Check that the project has room for another branch. Raises Problem 422."""
    neon = core.state.neon
    if len(neon.branches) >= neon.branch_limit:
        raise problem(422, "BRANCHES_LIMIT_EXCEEDED", f"branches limit exceeded: {neon.branch_limit}")


def unused(core: Core, name: str) -> None:
    """Check that no branch has that name. Raises Problem 409."""
    if any(branch.name == name for branch in core.state.neon.branches):
        raise problem(409, "BRANCH_ALREADY_EXISTS", f'branch with the provided name "{name}" already exists')


def deletable(core: Core, branch: Branch) -> None:
    """Check that a branch may be deleted.

    Raises Problem 422 for the default branch, a protected one, and one that others were made from.
    """
    if branch.id == core.state.neon.branch:
        raise problem(422, "", "cannot delete the default branch of a project")
    if branch.protected:
        raise problem(422, "", "cannot delete a protected branch")
    if has_children(core, branch):
        raise problem(422, "", "cannot delete a branch that has children")


def has_children(core: Core, branch: Branch) -> bool:
    return any(other.parent == branch.id for other in core.state.neon.branches)


def moment(value: Any, name: str) -> float:
    """Read a date and time that was sent as seconds since 1970. Raises Problem 400."""
    try:
        return from_iso(str(value))
    except ValueError:
        raise problem(400, "", f"{name}: {value!r} is not an RFC 3339 date and time") from None


def expiry(core: Core, value: Any, longest: float = 0) -> float:
    """Read a time of expiry.

    Raises Problem 400 when it is not in the future, or farther away than ``longest`` seconds; 0 is any time.
    """
    expires, now = moment(value, "expires_at"), core.now()
    if expires <= now:
        raise problem(400, "", "expires_at must be in the future")
    if longest and expires > now + longest:
        raise problem(400, "", f"expires_at must be within {longest / 86400:.0f} days")
    return expires


def only_now(core: Core, timestamp: Any, lsn: Any) -> None:
    """Refuse any time but the present one: the sandbox has no history, though Neon has. Raises Problem 400."""
    neon, now = core.state.neon, core.now()
    if timestamp and lsn:
        raise problem(400, "", "timestamp and lsn cannot be used together")
    if lsn:
        raise problem(400, "", f"lsn {lsn}: the sandbox keeps no history; leave it out for the present state")
    if not timestamp:
        return
    asked = moment(timestamp, "timestamp")
    if asked > now + NOW:
        raise problem(400, "", f"timestamp {timestamp} is in the future")
    if asked < max(now - neon.retention_seconds, neon.created):
        raise problem(400, "", f"timestamp {timestamp} is before the project's history retention window")
    if asked < now - NOW:
        raise problem(400, "", f"timestamp {timestamp}: the sandbox keeps no history, only the present state")

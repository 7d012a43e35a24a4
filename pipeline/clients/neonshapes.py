"""What Neon's API calls a project, a branch, a snapshot and a compute, read out of its answers."""

import datetime
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pipeline.clients import times


@dataclass(frozen=True)
class NeonProject:
    """A project as Neon describes it. ``history_seconds``: how far back a branch can begin."""

    id: str
    history_seconds: float
    created: datetime.datetime


@dataclass(frozen=True)
class Branch:
    """A branch is a copy of the database that goes its own way.

    ``expires`` is ISO 8601, or empty. ``url``: its direct address, when it was made with a compute; a secret.
    """

    id: str
    name: str
    default: bool
    created: datetime.datetime
    expires: str = ""
    url: str = ""
    parent: str = ""

    def __repr__(self) -> str:
        return f"<branch {self.name} {self.id}>"


@dataclass(frozen=True)
class Snapshot:
    """A snapshot is a frozen copy of a branch."""

    id: str
    name: str
    created: datetime.datetime
    branch: str
    expires: str = ""


@dataclass(frozen=True)
class ComputeState:
    """The state of a compute: ``state`` and ``pending`` are init, active or idle; sizes in compute units."""

    branch: str
    state: str
    pending: str
    least_cu: float
    most_cu: float
    disabled: bool
    kind: str
    id: str = ""

    @property
    def writes(self) -> bool:
        return self.kind == "read_write"


def same_place(url: str, other: str) -> bool:
    """Whether two addresses lead to one database: host, port and database, whoever asks and by which pooler."""
    at, to = urlsplit(url), urlsplit(other)
    hosts = {(one.hostname or "").replace("-pooler.", ".", 1) for one in (at, to)}
    return len(hosts) == 1 and (at.port, at.path) == (to.port, to.path)


def cursor_in(body: Any) -> str:
    """Find the cursor of the next page; empty when there is none."""
    page = body.get("pagination") or {}
    return str(page.get("next") or page.get("cursor") or "")


def project_of(body: Any) -> NeonProject:
    """Read a project out of the answer to GET /projects/{project_id}."""
    project = body["project"]
    return NeonProject(
        str(project["id"]), float(project["history_retention_seconds"]), times.moment(project["created_at"])
    )


def branch_of(body: Any, url: str = "") -> Branch:
    """Read a branch out of a list or an answer about it; ``url`` is its direct address, a secret."""
    default = bool(body.get("default", body.get("primary", False)))
    created, expires = times.moment(body["created_at"]), str(body.get("expires_at") or "")
    return Branch(body["id"], body["name"], default, created, expires, url, str(body.get("parent_id") or ""))


def compute_of(body: Any) -> ComputeState:
    """Read the state of a compute out of one endpoint of a list."""
    state, pending = str(body["current_state"]), str(body.get("pending_state") or "")
    least, most = float(body["autoscaling_limit_min_cu"]), float(body["autoscaling_limit_max_cu"])
    disabled, kind, id = bool(body.get("disabled")), str(body["type"]), str(body["id"])
    return ComputeState(body["branch_id"], state, pending, least, most, disabled, kind, id)


def snapshot_of(body: Any) -> Snapshot:
    """Read a snapshot out of a list or an answer about it."""
    branch = str(body.get("source_branch_id") or "")
    return Snapshot(
        body["id"], body["name"], times.moment(body["created_at"]), branch, str(body.get("expires_at") or "")
    )

"""Shapes branches, computes, snapshots and what is in them as Neon's answers show them."""

import hashlib

from pipeline.sandbox.core import Core, iso
from pipeline.sandbox.neon.copies import Copies
from pipeline.sandbox.neon.operations import Operations
from pipeline.sandbox.neonstate import Branch, Snapshot
from pipeline.sandbox.web import Payload

REGION = "aws-us-east-1"
HOST = "c-2.us-east-1.aws.neon.tech"
USAGE = (
    "cpu_used_sec", "compute_time_seconds", "active_time_seconds", "written_data_bytes", "data_transfer_bytes",
)  # fmt: skip


class Shapes:
    def __init__(self, core: Core, copies: Copies, operations: Operations) -> None:
        self._core, self._copies, self._operations = core, copies, operations

    def project(self) -> Payload:
        neon = self._core.state.neon
        began, now = iso(neon.created), iso(self._core.now())
        zeros = dict.fromkeys((*USAGE, "data_storage_bytes_hour"), 0)
        return {
            **zeros,
            "id": neon.project,
            "platform_id": "aws",
            "region_id": REGION,
            "name": "lms",
            "provisioner": "k8s-neonvm",
            "pg_version": 18,
            "proxy_host": HOST,
            "branch_logical_size_limit": 10240,
            "branch_logical_size_limit_bytes": 10737418240,
            "store_passwords": True,
            "creation_source": "console",
            "history_retention_seconds": neon.retention_seconds,
            "created_at": began,
            "updated_at": now,
            "consumption_period_start": began,
            "consumption_period_end": now,
            "owner_id": "org-acme-31337",
        }

    def branch(self, branch: Branch) -> Payload:
        default, busy = branch.id == self._core.state.neon.branch, self._operations.under_way(branch.id)
        state = "resetting" if busy and branch.reset else "init" if busy or branch.broken else "ready"
        found: Payload = {
            **dict.fromkeys(USAGE, 0), "id": branch.id, "project_id": self._core.state.neon.project,
            "name": branch.name,
            "current_state": state, "state_changed_at": iso(branch.updated), "creation_source": "console",
            "primary": default, "default": default, "protected": branch.protected, "init_source": branch.source,
            "created_at": iso(branch.created), "updated_at": iso(branch.updated),
        }  # fmt: skip
        if state != "ready" and not branch.broken:
            found["pending_state"] = "ready"
        if branch.parent:
            found |= {"parent_id": branch.parent, "parent_timestamp": iso(branch.created)}
        if branch.expires:
            ttl = round(branch.expires - branch.expiry_set)
            found |= {"expires_at": iso(branch.expires), "ttl_interval_seconds": ttl}
        if branch.reset:
            found["last_reset_at"] = iso(branch.reset)
        if branch.snapshot:
            status = "finalized" if branch.finalized else "restored"
            found |= {"restore_status": status, "restored_from": branch.snapshot, "restored_as": branch.replaces}
        return found

    def endpoint(self, branch: Branch) -> Payload:
        """Shape the compute of ``branch``."""
        began = iso(branch.created)
        busy = self._operations.under_way(branch.id)
        state = "init" if busy else "idle" if branch.disabled else "active"
        return {
            "id": branch.endpoint,
            "host": f"{branch.endpoint}.{HOST}",
            "project_id": self._core.state.neon.project,
            "branch_id": branch.id,
            "autoscaling_limit_min_cu": 0.25,
            "autoscaling_limit_max_cu": 2,
            "region_id": REGION,
            "type": "read_write",
            "current_state": state,
            **({"pending_state": "active"} if busy else {}),
            "settings": {},
            "pooler_enabled": False,
            "pooler_mode": "transaction",
            "disabled": branch.disabled,
            "passwordless_access": True,
            "creation_source": "console",
            "created_at": began,
            "updated_at": began,
            "proxy_host": HOST,
            "suspend_timeout_seconds": 0,
            "provisioner": "k8s-neonvm",
        }

    def database(self, branch: Branch) -> Payload:
        """Shape a branch's database, which as on Neon has the same name on every branch.

        Where it is reached is in the URI only.
        """
        id = int(hashlib.sha256(branch.id.encode()).hexdigest()[:7], 16)
        return {
            "id": id,
            "branch_id": branch.id,
            "name": self._copies.main,
            "owner_name": self._copies.role,
            "created_at": iso(branch.created),
            "updated_at": iso(branch.updated),
        }

    def role(self, branch: Branch) -> Payload:
        return {
            "branch_id": branch.id,
            "name": self._copies.role,
            "protected": False,
            "authentication_method": "password",
            "created_at": iso(branch.created),
            "updated_at": iso(branch.updated),
        }

    def connection(self, branch: Branch) -> Payload:
        """Shape a connection, whose URI works.

        The host in the parameters is Neon's: with it one reaches nothing, rather than production.
        """
        host = f"{branch.endpoint}.{HOST}"
        return {
            "connection_uri": self._copies.url(branch.database),
            "connection_parameters": {
                "database": self._copies.main,
                "role": self._copies.role,
                "password": self._copies.password,
                "host": host,
                "pooler_host": host.replace(branch.endpoint, f"{branch.endpoint}-pooler", 1),
            },
        }

    def snapshot(self, snapshot: Snapshot) -> Payload:
        return {
            "id": snapshot.id,
            "name": snapshot.name,
            "created_at": iso(snapshot.created),
            "timestamp": iso(snapshot.created),
            "source_branch_id": snapshot.branch,
            "manual": snapshot.manual,
            **({"expires_at": iso(snapshot.expires)} if snapshot.expires else {}),
        }

"""How branches, computes, snapshots and what is in them look in Neon's answers."""

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

    def branch(self, one: Branch) -> Payload:
        default, busy = one.id == self._core.state.neon.branch, self._operations.under_way(one.id)
        state = "resetting" if busy and one.reset else "init" if busy or one.broken else "ready"
        found: Payload = {
            **dict.fromkeys(USAGE, 0), "id": one.id, "project_id": self._core.state.neon.project, "name": one.name,
            "current_state": state, "state_changed_at": iso(one.updated), "creation_source": "console",
            "primary": default, "default": default, "protected": one.protected, "init_source": one.source,
            "created_at": iso(one.created), "updated_at": iso(one.updated),
        }  # fmt: skip
        if state != "ready" and not one.broken:
            found["pending_state"] = "ready"
        if one.parent:
            found |= {"parent_id": one.parent, "parent_timestamp": iso(one.created)}
        if one.expires:
            ttl = round(one.expires - one.expiry_set)
            found |= {"expires_at": iso(one.expires), "ttl_interval_seconds": ttl}
        if one.reset:
            found["last_reset_at"] = iso(one.reset)
        if one.snapshot:
            status = "finalized" if one.finalized else "restored"
            found |= {"restore_status": status, "restored_from": one.snapshot, "restored_as": one.replaces}
        return found

    def endpoint(self, one: Branch) -> Payload:
        """The compute of ``one``."""
        began = iso(one.created)
        busy = self._operations.under_way(one.id)
        state = "init" if busy else "idle" if one.disabled else "active"
        return {
            "id": one.endpoint,
            "host": f"{one.endpoint}.{HOST}",
            "project_id": self._core.state.neon.project,
            "branch_id": one.id,
            "autoscaling_limit_min_cu": 0.25,
            "autoscaling_limit_max_cu": 2,
            "region_id": REGION,
            "type": "read_write",
            "current_state": state,
            **({"pending_state": "active"} if busy else {}),
            "settings": {},
            "pooler_enabled": False,
            "pooler_mode": "transaction",
            "disabled": one.disabled,
            "passwordless_access": True,
            "creation_source": "console",
            "created_at": began,
            "updated_at": began,
            "proxy_host": HOST,
            "suspend_timeout_seconds": 0,
            "provisioner": "k8s-neonvm",
        }

    def database(self, one: Branch) -> Payload:
        """As on Neon it has the same name on every branch. Where it is reached is in the URI only."""
        id = int(hashlib.sha256(one.id.encode()).hexdigest()[:7], 16)
        return {
            "id": id,
            "branch_id": one.id,
            "name": self._copies.main,
            "owner_name": self._copies.role,
            "created_at": iso(one.created),
            "updated_at": iso(one.updated),
        }

    def role(self, one: Branch) -> Payload:
        return {
            "branch_id": one.id,
            "name": self._copies.role,
            "protected": False,
            "authentication_method": "password",
            "created_at": iso(one.created),
            "updated_at": iso(one.updated),
        }

    def connection(self, one: Branch) -> Payload:
        """The URI works. The host in the parameters is Neon's: with it one reaches nothing, rather than production."""
        host = f"{one.endpoint}.{HOST}"
        return {
            "connection_uri": self._copies.url(one.database),
            "connection_parameters": {
                "database": self._copies.main,
                "role": self._copies.role,
                "password": self._copies.password,
                "host": host,
                "pooler_host": host.replace(one.endpoint, f"{one.endpoint}-pooler", 1),
            },
        }

    def snapshot(self, one: Snapshot) -> Payload:
        return {
            "id": one.id,
            "name": one.name,
            "created_at": iso(one.created),
            "timestamp": iso(one.created),
            "source_branch_id": one.branch,
            "manual": one.manual,
            **({"expires_at": iso(one.expires)} if one.expires else {}),
        }

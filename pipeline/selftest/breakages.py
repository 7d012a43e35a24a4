"""Lists every breakage there is, and every gate that needs one."""

from checks.gate import Gate
from pipeline.definitions.every import EVERY, GATES
from pipeline.selftest import (
    access,
    alerts,
    approval,
    auth,
    baseline,
    books,
    calendar,
    capacity,
    database,
    environment,
    errors,
    health,
    hearing,
    identity,
    order,
    performance,
    redis,
    release,
    rolling,
    security,
    services,
    skew,
    smoke,
    source,
    sql,
    storage,
    uptime,
    vitals,
    watch,
)
from pipeline.selftest.breakage import Breakage

FAMILIES = (
    source, approval, security, environment, database, sql, release, order, rolling, calendar, identity, health, smoke,
    skew, performance, errors, hearing, access, services, watch, uptime, vitals, capacity, storage, redis, auth, books,
    baseline, alerts,
)  # fmt: skip
BREAKAGES: tuple[Breakage, ...] = tuple(one for family in FAMILIES for one in family.BREAKAGES)
PROOFS = tuple(gate for one in EVERY for step in one.steps if step.undo for gate in step.undo.proved_by)
TO_SEE: tuple[Gate, ...] = tuple(dict.fromkeys((*GATES, *PROOFS)))
"""The gates of every pipeline, and those that prove an undo."""

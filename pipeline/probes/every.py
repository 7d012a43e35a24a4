"""All probes: each module lists its own."""

from pipeline.probes import (
    access,
    approval,
    database,
    environment,
    errors,
    health,
    identity,
    pulled,
    records,
    release,
    services,
    smoke,
    source,
    stores,
    uptime,
    vitals,
)

PROBES = (
    *release.PROBES,
    *source.PROBES,
    *approval.PROBES,
    *environment.PROBES,
    *pulled.PROBES,
    *health.PROBES,
    *identity.PROBES,
    *smoke.PROBES,
    *services.PROBES,
    *uptime.PROBES,
    *errors.PROBES,
    *stores.PROBES,
    *vitals.PROBES,
    *records.PROBES,
    *database.PROBES,
    *access.PROBES,
)

"""Every playbook, in the order in which somebody looks for theirs."""

from collections.abc import Mapping

from checks import (
    auth,
    database,
    environment,
    errors,
    health,
    performance,
    redis,
    release,
    security,
    services,
    smoke,
    storage,
)
from checks.gate import Gate
from pipeline.errors import Mistake
from pipeline.handbook.fitting import FITS, Fits
from pipeline.handbook.playbook import Playbook, Remedy
from pipeline.handbook.reading import Known, made, read
from pipeline.handbook.severity import SEVERITY_NAMED, Severity

ORDER = (
    "site-down",
    "database-unreachable",
    "deployment-failure",
    "error-spike",
    "performance-degradation",
    "authentication-failure",
    "storage-failure",
    "data-loss",
    "rate-limiting",
    "security-incident",
    "vendor-outage",
)
FAMILIES = (
    auth,
    database,
    environment,
    errors,
    health,
    performance,
    redis,
    release,
    security,
    services,
    smoke,
    storage,
)
GATES = {gate.name: gate for family in FAMILIES for gate in vars(family).values() if isinstance(gate, Gate)}
KNOWN: Known = {Gate: GATES, Severity: SEVERITY_NAMED, Fits: FITS}
REMEDIES = made(Mapping[str, Remedy], read("remedies.yml"), "remedies.yml: ", KNOWN)
"""Name → a remedy that several playbooks have."""


def load(name: str, text: object) -> Playbook:
    """The playbook ``name`` from its text. Raises Mistake naming the file and the key of what is wrong."""
    if not isinstance(text, dict):
        raise Mistake(f"playbooks/{name}.yml: has no keys")
    playbook: Playbook = made(Playbook, {"name": name, **text}, f"playbooks/{name}.yml: ", {**KNOWN, Remedy: REMEDIES})
    return playbook


PLAYBOOKS = tuple(load(name, read(f"playbooks/{name}.yml")) for name in ORDER)


def named(name: str) -> Playbook | None:
    """The playbook of that name; None when there is none."""
    return next((playbook for playbook in PLAYBOOKS if playbook.name == name), None)


def titled(title: str) -> Playbook:
    """The playbook with that title. Raises KeyError when there is none."""
    return {playbook.title: playbook for playbook in PLAYBOOKS}[title]

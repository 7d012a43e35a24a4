"""Every playbook, in the order in which somebody looks for theirs."""

from pipeline.handbook.access import AUTHENTICATION_FAILURE, RATE_LIMITING, SECURITY_INCIDENT
from pipeline.handbook.outages import DATABASE_UNREACHABLE, SITE_DOWN, STORAGE_FAILURE, VENDOR_OUTAGE
from pipeline.handbook.playbook import Playbook
from pipeline.handbook.releases import DEPLOYMENT_FAILURE, ERROR_SPIKE, PERFORMANCE_DEGRADATION

PLAYBOOKS = (
    SITE_DOWN,
    DATABASE_UNREACHABLE,
    DEPLOYMENT_FAILURE,
    ERROR_SPIKE,
    PERFORMANCE_DEGRADATION,
    AUTHENTICATION_FAILURE,
    STORAGE_FAILURE,
    RATE_LIMITING,
    SECURITY_INCIDENT,
    VENDOR_OUTAGE,
)


def named(name: str) -> Playbook | None:
    """The playbook of that name."""
    return next((one for one in PLAYBOOKS if one.name == name), None)


def titled(title: str) -> Playbook:
    """The playbook with that title. Raises KeyError."""
    return {one.title: one for one in PLAYBOOKS}[title]

"""What we require: each class is one section of ``deploy.yml``, and its docstrings are the key reference.

Plain numbers without a unit in their name are seconds; ``deploy.yml`` may spell them ``90s``, ``10m``, ``2h``.
"""

from checks.policy.base import Policy
from checks.policy.database import DatabasePolicy, IntegrityCheck
from checks.policy.people import Contact, ContactsPolicy, Waiver
from checks.policy.release import (
    ApprovalPolicy,
    BuildPolicy,
    ContinuousIntegrationPolicy,
    EnvironmentPolicy,
    FreezePolicy,
    FreezeWindow,
    IdentityPolicy,
    PromotionPolicy,
    RequiredVariable,
    ReviewPolicy,
    SecurityPolicy,
    Severity,
    Shape,
    SourcePolicy,
)
from checks.policy.services import ErrorsPolicy, Indicator, UptimePolicy, VendorsPolicy
from checks.policy.site import HealthPolicy, Journeys, PerformancePolicy, Route, SmokePolicy

__all__ = [
    "ApprovalPolicy",
    "BuildPolicy",
    "Contact",
    "ContactsPolicy",
    "ContinuousIntegrationPolicy",
    "DatabasePolicy",
    "EnvironmentPolicy",
    "ErrorsPolicy",
    "FreezePolicy",
    "FreezeWindow",
    "HealthPolicy",
    "IdentityPolicy",
    "Indicator",
    "IntegrityCheck",
    "Journeys",
    "PerformancePolicy",
    "Policy",
    "PromotionPolicy",
    "RequiredVariable",
    "ReviewPolicy",
    "Route",
    "SecurityPolicy",
    "Severity",
    "Shape",
    "SmokePolicy",
    "SourcePolicy",
    "UptimePolicy",
    "VendorsPolicy",
    "Waiver",
]

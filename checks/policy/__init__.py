"""What we require: each class is one section of ``deploy.yml``, and its docstrings are the key reference.

Plain numbers without a unit in their name are seconds; ``deploy.yml`` may spell them ``90s``, ``10m``, ``2h``.
"""

from checks.policy.base import Policy
from checks.policy.database import DatabasePolicy, IntegrityCheck, SeedPolicy
from checks.policy.journeys import DeclaredJourney, Expected, JourneyStep, KeptValue, SentFile, SignIn
from checks.policy.people import Contact, ContactsPolicy, IncidentsPolicy, RunbooksPolicy, Waiver
from checks.policy.release import (
    ApprovalPolicy,
    BuildPolicy,
    ContinuousIntegrationPolicy,
    EnvironmentPolicy,
    FreezePolicy,
    FreezeWindow,
    IdentityPolicy,
    IgnoredCheck,
    PromotionPolicy,
    RequiredVariable,
    ReviewPolicy,
    SecurityPolicy,
    Severity,
    Shape,
    SourcePolicy,
)
from checks.policy.services import (
    AuthPolicy,
    DeclaredMonitor,
    ErrorsPolicy,
    Indicator,
    RedisPolicy,
    StatusPage,
    StoragePolicy,
    UptimePolicy,
    VendorsPolicy,
)
from checks.policy.site import HealthPolicy, PerformancePolicy, Route, SmokePolicy, VitalsPolicy

__all__ = [
    "ApprovalPolicy",
    "AuthPolicy",
    "BuildPolicy",
    "Contact",
    "ContactsPolicy",
    "ContinuousIntegrationPolicy",
    "DatabasePolicy",
    "DeclaredJourney",
    "DeclaredMonitor",
    "EnvironmentPolicy",
    "ErrorsPolicy",
    "Expected",
    "FreezePolicy",
    "FreezeWindow",
    "HealthPolicy",
    "IdentityPolicy",
    "IgnoredCheck",
    "IncidentsPolicy",
    "Indicator",
    "IntegrityCheck",
    "JourneyStep",
    "KeptValue",
    "PerformancePolicy",
    "Policy",
    "PromotionPolicy",
    "RedisPolicy",
    "RequiredVariable",
    "ReviewPolicy",
    "Route",
    "RunbooksPolicy",
    "SecurityPolicy",
    "SeedPolicy",
    "SentFile",
    "Severity",
    "Shape",
    "SignIn",
    "SmokePolicy",
    "SourcePolicy",
    "StatusPage",
    "StoragePolicy",
    "UptimePolicy",
    "VendorsPolicy",
    "VitalsPolicy",
    "Waiver",
]

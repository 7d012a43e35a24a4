"""A deployment on which every gate says yes: one instance of each policy and each evidence.

The gates' examples are changes to these, the runbook prints what the gates say about them, and a test compares them
with what the probes really read in the sandbox at rest.
"""

import datetime
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from checks import evidence as seen
from checks import policy as required

COMMIT = "c0ffee" + "0" * 34
HEAD = "beef" + "0" * 36
STAGED = "dpl_new"
LIVE = "dpl_live"
DOMAIN = "lms.example.com"

POLICIES = (
    required.SourcePolicy("acme/lms"),
    required.ContinuousIntegrationPolicy(),
    required.ReviewPolicy(),
    required.ApprovalPolicy(),
    required.SecurityPolicy(),
    required.EnvironmentPolicy(
        (
            required.RequiredVariable("DATABASE_URL", "postgres"),
            required.RequiredVariable("NEXTAUTH_SECRET", "secret", 32),
        )
    ),
    required.BuildPolicy(),
    required.IdentityPolicy(),
    required.PromotionPolicy(),
    required.FreezePolicy(),
    required.VendorsPolicy(),
    required.HealthPolicy(),
    required.SmokePolicy(),
    required.PerformancePolicy(),
    required.ErrorsPolicy("acme", "lms"),
    required.UptimePolicy("100"),
    required.DatabasePolicy(),
)

_said = (seen.SaidBuild("https://lms.example.com/api/health/db", 200, STAGED, COMMIT, STAGED),) * 3
_well = ("https://lms.example.com/api/health/db", 200, 40, "ok")
_visits = (seen.Visit("/", 200, 80, "https://lms.example.com/", False, "", True),)
_journeys = tuple(seen.Journey(name, "", "", 120) for name in ("login", "course", "upload"))

EVIDENCE = (
    seen.Release(COMMIT, "."),
    seen.Moment(datetime.datetime(2026, 11, 24, 10, tzinfo=datetime.UTC)),
    seen.Commit(COMMIT, True, "main", COMMIT),
    seen.CommitChecks(COMMIT, (seen.Check("test", "success"), seen.Check("lint", "success"))),
    seen.PullRequest(
        7, "kim", HEAD, COMMIT, (seen.Approval("sam", "2026-11-24T09:00:00Z", HEAD, "github"),), objections=()
    ),
    seen.SecurityAlerts((), ()),
    seen.EnvironmentVariables(
        "production",
        (
            seen.Variable("DATABASE_URL", True, 70, frozenset({"postgres", "url"})),
            seen.Variable("NEXTAUTH_SECRET", True, 44),
        ),
    ),
    seen.BuildOutput("prebuilt", "", 1_790_000_000_000),
    seen.KnownBad(()),
    seen.CommitOrder("a" * 40, COMMIT, "ahead"),
    seen.ChangedVariables((), ()),
    seen.ReadVariables((("DATABASE_URL", "app/db.ts"),)),
    seen.VercelProject("prj_lms", True, "promote", STAGED, "succeeded"),
    seen.RollingShare("ACTIVE", STAGED, 10, 0),
    seen.StagedBuild(_said),
    seen.ControlVisits(()),
    seen.ControlJourneys(()),
    seen.DeploymentsUnderWay(()),
    seen.RollbackTarget("dpl_older", "https://lms-older.vercel.app", "a" * 40),
    seen.ProductionBefore(LIVE, "https://lms-live.vercel.app", DOMAIN),
    seen.StagedDeployment(STAGED, "https://lms-new.vercel.app", COMMIT),
    seen.Build(STAGED, "READY", "STAGED", ("lms-new.vercel.app",), ""),
    seen.HealthBefore(*_well, LIVE, "a" * 40),
    seen.ControlHealth(*_well, LIVE, "a" * 40),
    seen.OldCodeHealth(*_well, LIVE, "a" * 40),
    seen.StagedHealth(*_well, STAGED, COMMIT),
    seen.ProductionHealth(*_well, STAGED, COMMIT),
    seen.StagedVisits(_visits),
    seen.ProductionVisits(_visits),
    seen.StagedJourneys(_journeys),
    seen.ProductionJourneys(_journeys),
    seen.LoadTimes((80,) * 20),
    seen.VercelStatus("Vercel", "none", ()),
    seen.NeonStatus("Neon", "none", ()),
    seen.Monitor("100", "up", 99.98, (120, 130, 140), ()),
    seen.NewIssues(COMMIT, ()),
    seen.ErrorRate(1, 1.5, 15),
    seen.Migrations((), ("20260101000000_init", "20260201000000_enrolment"), (), (), ()),
    seen.PlannedChanges(()),
    seen.LiveSchema("", False, says="nothing is taken away"),
    seen.SchemaDrift(),
    seen.WayBack("branch", "", 86_400.0, 36_000.0, "nightly"),
    seen.RestorePoint(),
    seen.KeptPoint(False, "none was made"),
    seen.Rehearsal(),
    seen.OldCodeJourneys(_journeys),
    seen.AppliedMigrations(()),
)

_as = {
    id: tuple(replace(one, deployment=id, header=id, commit=commit) for one in _said)
    for id, commit in ((STAGED, COMMIT), (LIVE, "a" * 40))
}

AFTER_PROMOTION = (
    seen.Production(STAGED, "https://lms-new.vercel.app", DOMAIN, COMMIT),
    seen.ProductionBuild(_as[STAGED]),
)
BEFORE_PROMOTION = (
    seen.Production(LIVE, "https://lms-live.vercel.app", DOMAIN, "a" * 40),
    seen.ProductionBuild(_as[LIVE]),
    seen.RollingShare("ABORTED", STAGED, 10, 0),
)

NOT_PROMOTED_YET = frozenset(
    {
        "release.can-go-back",
        "release.is-staged",
        "release.is-restored",
        "identity.production-is-previous",
        "rolling.none-is-left",
    }
)
"""Gates that are asked while, or after, production serves what it served before."""


def healthy(gate: str) -> Mapping[type, Any]:
    """Healthy inputs for the gate of that name, by type. Production is seen as it should be at the gate's moment."""
    production = BEFORE_PROMOTION if gate in NOT_PROMOTED_YET else AFTER_PROMOTION
    return {type(value): value for value in (*POLICIES, *EVIDENCE, *production)}

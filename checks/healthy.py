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
            required.RequiredVariable("NEXTAUTH_URL", "url"),
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
    required.StoragePolicy(),
    required.RedisPolicy(),
    required.AuthPolicy(),
    required.VitalsPolicy(),
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
            seen.Variable("NEXTAUTH_URL", True, 23, frozenset({"url"})),
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
    seen.ProductionBefore(LIVE, "https://lms-live.vercel.app", DOMAIN, "2026-11-24T10:00:00+00:00"),
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
    seen.OtherStatuses((seen.VendorStatus("Cloudflare", "none", ()),)),
    seen.Monitor(
        "100",
        "up",
        99.98,
        (120, 130, 140),
        (),
        tuple(seen.Region(name, "2026-11-24T10:01:00+00:00", 130) for name in ("us", "eu")),
    ),
    seen.UptimeToday(100.0, 0, 0),
    seen.PastIncidents((seen.PastIncident("Status 503", "2026-11-20T02:00:00+00:00", 1, False),)),
    seen.Heartbeats(()),
    seen.MonitorChanges(()),
    seen.NewIssues(COMMIT, "2026-11-24T10:00:00+00:00", ()),
    seen.ErrorRate(1, 240, 40, 9_600, "requests", 10.0),
    seen.EndpointErrors((seen.Endpoint(1, 400, 12, 9_000, "GET /courses"),)),
    seen.CriticalErrors(()),
    seen.ErrorsLately(2, 400, 300, 67_000.0, "requests"),
    seen.RecurringIssues(()),
    seen.CrashFree(800, 99.9),
    seen.RecordedRelease(COMMIT, True, 3, ("production",), 1),
    seen.Bucket("lms-uploads", ms=80, bytes=4_000_000, objects=12),
    seen.ProbeObject(ms=180),
    seen.Redis(ms=20, keys=40, limiter_keys=6),
    seen.RedisUsage("", "active", 900, 100, 2.5, (seen.Limit("connections", 12, 1000),)),
    seen.LimitedRequests(400, 2, (("/api/upload", 2),)),
    seen.AuthEndpoints(200, "", 200, ("credentials",)),
    seen.Connections(14, 100),
    seen.Compute("", "active", 0.25, 2.0),
    seen.WebVitals(
        "Speed Insights, 24 h", (seen.Vital("LCP", 1800, 400), seen.Vital("INP", 90, 400), seen.Vital("CLS", 0.02, 400))
    ),
    seen.LabReading((seen.LabPage("/", 1400, 0.0, 40, 900, 120, 3),)),
    seen.Visitors(900, 950),
    seen.Bookkeeping((seen.PastRun("20261124-090000-1a2b", "deployed", ""),)),
    seen.WeekByWeek((seen.Compared("load.p95_ms", 430, 14, 420, 14, 30),)),
    seen.FiredAlert((seen.Arrival("Better Stack", 1.2), seen.Arrival("Sentry", 2.0))),
    seen.LastBuilds(10, ()),
    seen.UsualLoad((80, 90, 85, 100)),
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

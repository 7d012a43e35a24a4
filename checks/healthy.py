"""A deployment on which every gate says yes: one instance of each policy and each evidence.

The gates' examples are changes to these, the runbook prints what the gates say about them, and a test compares them
with what the probes really read in the sandbox at rest.
"""

import datetime
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from checks import evidence, policy
from checks.own import CommandAnswer

COMMIT = "c0ffee" + "0" * 34
HEAD = "beef" + "0" * 36
STAGED = "dpl_new"
LIVE = "dpl_live"
DOMAIN = "lms.example.com"

POLICIES = (
    policy.SourcePolicy("acme/lms"),
    policy.ContinuousIntegrationPolicy(),
    policy.ReviewPolicy(),
    policy.ApprovalPolicy(),
    policy.SecurityPolicy(),
    policy.EnvironmentPolicy(
        (
            policy.RequiredVariable("DATABASE_URL", "postgres"),
            policy.RequiredVariable("NEXTAUTH_SECRET", "secret", 32),
            policy.RequiredVariable("NEXTAUTH_URL", "url"),
        )
    ),
    policy.BuildPolicy(),
    policy.IdentityPolicy(),
    policy.PromotionPolicy(),
    policy.FreezePolicy(),
    policy.VendorsPolicy(),
    policy.HealthPolicy(),
    policy.SmokePolicy(journeys=(policy.DeclaredJourney("login", "nextauth"),)),
    policy.PerformancePolicy(),
    policy.ErrorsPolicy("acme", "lms"),
    policy.UptimePolicy("100"),
    policy.DatabasePolicy(),
    policy.IncidentsPolicy(),
    policy.StoragePolicy(),
    policy.RedisPolicy(),
    policy.AuthPolicy(),
    policy.VitalsPolicy(),
)

_said = (evidence.SaidBuild("https://lms.example.com/api/health/db", 200, STAGED, COMMIT, STAGED),) * 3
_well = ("https://lms.example.com/api/health/db", 200, 40, "ok")
_visits = (evidence.Visit("/", 200, 80, "https://lms.example.com/", False, "", True),)
_journeys = tuple(evidence.Journey(name, "", "", 120) for name in ("login", "course", "upload"))

EVIDENCE = (
    evidence.Release(COMMIT, "."),
    evidence.Moment(datetime.datetime(2026, 11, 24, 10, tzinfo=datetime.UTC)),
    evidence.Commit(COMMIT, True, "main", COMMIT, "acme/lms"),
    evidence.CommitChecks(
        COMMIT, (evidence.Check("test", "success"), evidence.Check("lint", "success")), required=("test",)
    ),
    evidence.PullRequest(
        7,
        "kim",
        HEAD,
        COMMIT,
        (evidence.Approval("sam", "2026-11-24T09:00:00Z", HEAD, "github"),),
        objections=(),
        authors=("kim",),
    ),
    evidence.ReleasePlan(
        COMMIT, (("commit", "c0"), ("sql", "50"), ("environment", "e0")), environment_at="2026-01-01T10:00:00+00:00"
    ),
    evidence.GivenApprovals("r1"),
    evidence.SecurityAlerts((), ()),
    evidence.EnvironmentVariables(
        "production",
        (
            evidence.Variable("DATABASE_URL", True, 70, frozenset({"postgres", "url"})),
            evidence.Variable("NEXTAUTH_SECRET", True, 44),
            evidence.Variable("NEXTAUTH_URL", True, 23, frozenset({"url"}), host=DOMAIN),
        ),
        serving=(DOMAIN,),
        redirects=(("example.com", DOMAIN),),
    ),
    evidence.BuildOutput(
        "prebuilt",
        "",
        1_790_000_000_000,
        routes=12,
        functions=(evidence.BuiltFunction("api/health/db.func", "nodejs20.x", 48_000, seconds=10),),
    ),
    evidence.ClockOffset((("vercel", 0.4), ("sentry", 0.7))),
    evidence.KnownBad(()),
    evidence.CommitOrder("a" * 40, COMMIT, "ahead"),
    evidence.LiveRun(LIVE, "20261123-100000-ab12", recorded=True),
    evidence.ChangedVariables((), ()),
    evidence.PulledVariables(""),
    evidence.ReadVariables((("DATABASE_URL", "app/db.ts"),)),
    evidence.VercelProject(
        "prj_lms",
        True,
        "promote",
        STAGED,
        "succeeded",
        moved_at=1_790_000_000_000,
        domains=(DOMAIN,),
        redirects=(("www.lms.example.com", DOMAIN),),
        may_promote=True,
        may_roll_back=True,
    ),
    evidence.RollingShare("ACTIVE", STAGED, 10, 0),
    evidence.StagedBuild(_said),
    evidence.ControlVisits(()),
    evidence.ControlJourneys(()),
    evidence.DeploymentsUnderWay(()),
    evidence.RollbackTarget("dpl_older", "https://lms-older.vercel.app", "a" * 40, skew=0.0),
    evidence.ProductionBefore(LIVE, "https://lms-live.vercel.app", DOMAIN, "2026-11-24T10:00:00+00:00"),
    evidence.StagedDeployment(STAGED, "https://lms-new.vercel.app", COMMIT),
    evidence.Build(STAGED, "READY", "STAGED", ("lms-new.vercel.app",), ""),
    evidence.HealthBefore(*_well, LIVE, "a" * 40),
    evidence.ControlHealth(*_well, LIVE, "a" * 40),
    evidence.OldCodeHealth(*_well, LIVE, "a" * 40),
    evidence.StagedHealth(*_well, STAGED, COMMIT),
    evidence.ProductionHealth(*_well, STAGED, COMMIT),
    evidence.StagedVisits(_visits),
    evidence.ProductionVisits(_visits),
    evidence.StagedJourneys(_journeys),
    evidence.ProductionJourneys(_journeys),
    evidence.LoadTimes((80,) * 20),
    evidence.VercelStatus("Vercel", "none", ()),
    evidence.NeonStatus("Neon", "none", ()),
    evidence.OtherStatuses((evidence.VendorStatus("Cloudflare", "none", ()),)),
    evidence.Monitor(
        "100",
        "up",
        99.98,
        (120, 130, 140),
        (),
        tuple(evidence.Region(name, "2026-11-24T10:01:00+00:00", 130) for name in ("us", "eu")),
    ),
    evidence.UptimeToday(100.0, 0, 0),
    evidence.PastIncidents((evidence.PastIncident("Status 503", "2026-11-20T02:00:00+00:00", 1, False),)),
    evidence.Heartbeats(()),
    evidence.DeploymentAccess("https://lms-live.vercel.app"),
    evidence.SentryAccess(("event:read", "org:read", "project:releases")),
    evidence.MonitorAccess("100", True),
    evidence.SignInBefore("https://lms.example.com", ""),
    evidence.StorageAccess(),
    evidence.RedisAccess(),
    evidence.ChannelAccess((evidence.TriedAddress("NOTIFY_WEBHOOK_URL", "webhook", True),)),
    evidence.MonitorChanges(()),
    evidence.SentryHearing(("development", "production"), ("production",), 400, (COMMIT, "a" * 40), "a" * 40),
    evidence.NewIssues(COMMIT, "2026-11-24T10:00:00+00:00", ()),
    evidence.ErrorRate(1, 240, 40, 9_600, "requests", 10.0),
    evidence.EndpointErrors((evidence.Endpoint(1, 400, 12, 9_000, "GET /courses"),)),
    evidence.CriticalErrors(()),
    evidence.ErrorsLately(2, 400, 300, 67_000.0, "requests"),
    evidence.RecurringIssues(()),
    evidence.CrashFree(800, 99.9),
    evidence.RecordedRelease(COMMIT, True, 3, ("production",), 1),
    evidence.Bucket("lms-uploads", ms=80, bytes=4_000_000, objects=12),
    evidence.ProbeObject(ms=180),
    evidence.BrowserUploads("`storage.browser_uploads` is off"),
    evidence.Redis(ms=20, keys=40, limiter_keys=6),
    evidence.RedisUsage("", "active", 900, 100, 2.5, (evidence.Limit("connections", 12, 1000),)),
    evidence.LimitedRequests(400, 2, (("/api/upload", 2),)),
    evidence.AuthEndpoints(200, "", 200, ("credentials",)),
    evidence.Connections(14, 100),
    evidence.Compute("", "active", 0.25, 2.0),
    evidence.WebVitals(
        "Speed Insights, 24 h",
        (evidence.Vital("LCP", 1800, 400), evidence.Vital("INP", 90, 400), evidence.Vital("CLS", 0.02, 400)),
    ),
    evidence.LabReading((evidence.LabPage("/", 1400, 0.0, 40, 900, 120, 3),)),
    evidence.Visitors(900, 950),
    evidence.Bookkeeping((evidence.PastRun("20261124-090000-1a2b", "deployed", ""),)),
    evidence.WeekByWeek((evidence.Compared("load.p95_ms", 430, 14, 420, 14, 30),)),
    evidence.FiredAlert((evidence.Arrival("Better Stack", 1.2), evidence.Arrival("Sentry", 2.0))),
    evidence.LastBuilds(10, ()),
    evidence.UsualLoad((80, 90, 85, 100)),
    evidence.Migrations((), ("20260101000000_init", "20260201000000_enrolment"), (), (), ()),
    evidence.PlannedChanges(()),
    evidence.LiveSchema("", False, says="nothing is taken away"),
    evidence.SchemaDrift(),
    evidence.WayBack("branch", "", 86_400.0, 36_000.0, "nightly"),
    evidence.RestorePoint(),
    evidence.KeptPoint(False, "none was made"),
    evidence.Rehearsal(),
    evidence.OldCodeJourneys(_journeys),
    evidence.OpenPages(12),
    evidence.AppliedMigrations(()),
)

_as = {
    id: tuple(replace(one, deployment=id, header=id, commit=commit) for one in _said)
    for id, commit in ((STAGED, COMMIT), (LIVE, "a" * 40))
}

AFTER_PROMOTION = (
    evidence.Production(STAGED, "https://lms-new.vercel.app", DOMAIN, COMMIT, run="20261124-100000-cd34"),
    evidence.ProductionBuild(_as[STAGED], (("www.lms.example.com", DOMAIN),)),
)
BEFORE_PROMOTION = (
    evidence.Production(LIVE, "https://lms-live.vercel.app", DOMAIN, "a" * 40, run="20261123-100000-ab12"),
    evidence.ProductionBuild(_as[LIVE], (("www.lms.example.com", DOMAIN),)),
    evidence.RollingShare("ABORTED", STAGED, 10, 0),
)

NOT_PROMOTED_YET = frozenset(
    {
        "release.can-go-back",
        "rolling.nobody-else-is-rolling",
        "release.is-staged",
        "release.is-restored",
        "identity.production-is-previous",
        "rolling.none-is-left",
    }
)
"""Gates that are asked while, or after, production serves what it served before."""


def healthy(gate: str) -> Mapping[type, Any]:
    """Give healthy inputs for the gate of that name, by type.

    Production is seen as it should be at the gate's moment.
    """
    production = BEFORE_PROMOTION if gate in NOT_PROMOTED_YET else AFTER_PROMOTION
    return {type(value): value for value in (*POLICIES, *EVIDENCE, CommandAnswer(), *production)}

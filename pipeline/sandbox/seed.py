"""Makes the world of the first day: a project with two production deployments behind it, all green."""

import hashlib
import random
import secrets
import string

from pipeline.sandbox import releases, schema
from pipeline.sandbox.core import Core, iso_seconds
from pipeline.sandbox.githubstate import GitHub
from pipeline.sandbox.neonstate import Neon, Snapshot
from pipeline.sandbox.pushing import push
from pipeline.sandbox.state import BetterStack, Incident, Release, Sentry, State
from pipeline.sandbox.vercel.vitals import quiet_day
from pipeline.sandbox.vercelstate import CustomEnvironment, Deployment, Variable, Vercel

DAY = 86400.0
TOKENS = ("vercel", "github", "sentry", "betterstack", "neon", "control", "cloudflare")
HISTORY = (("Show how many lessons a course has", 9 * DAY), ("Let students hand in files", 2 * DAY))
VARIABLES = {
    "DATABASE_URL": "{{DATABASE_URL}}",
    "DIRECT_URL": "{{DATABASE_URL}}",
    "NEXTAUTH_URL": "http://{{PRODUCTION}}",
    "R2_BUCKET": "lms-uploads",
    "R2_ENDPOINT": "http://{{R2}}",
    "UPSTASH_REDIS_REST_URL": "http://{{UPSTASH}}",
    "SENTRY_DSN": "http://0123456789abcdef0123456789abcdef@{{SENTRY}}/4508",
}
SECRETS = {
    "NEXTAUTH_SECRET": 44,
    "R2_ACCOUNT_ID": 32,
    "R2_ACCESS_KEY_ID": 32,
    "R2_SECRET_ACCESS_KEY": 64,
    "UPSTASH_REDIS_REST_TOKEN": 56,
}
STAGING = "staging.lms.example.com"


def first_state(now: float) -> State:
    """Make a state with tokens, names and variables, and no history yet."""
    began = now - 30 * DAY
    vercel = Vercel(
        _id("", 24),
        f"team_{_id()}",
        f"prj_{_id()}",
        "lms",
        began,
        custom=[CustomEnvironment("staging", [STAGING], "staging")],
    )
    state = State(
        tokens={name: secrets.token_hex(20) for name in TOKENS},
        student={"email": schema.STUDENT, "password": secrets.token_urlsafe(12)},
        vercel=vercel,
        github=GitHub("acme/lms"),
        sentry=Sentry("acme", "lms"),
        betterstack=BetterStack("100", began),
        neon=Neon("quiet-river-31337", "br-main-31337", "ep-quiet-river-31337", began),
    )
    values = {**VARIABLES, **{name: _id("", length) for name, length in SECRETS.items()}}
    for milliseconds, (key, value) in enumerate(values.items()):
        targets, created = ["production", "preview"], began - milliseconds / 1000  # no two at once: lists have pages
        vercel.env.append(Variable(f"env_{state.next_id()}", key, value, "encrypted", targets, created))
    site = Variable(f"env_{state.next_id()}", "NEXTAUTH_URL", f"https://{STAGING}", "encrypted", [], began - 1)
    site.custom = ["staging"]
    vercel.env.append(site)
    return state


def write_history(core: Core) -> None:
    """Write into the state two releases that went well, a snapshot of last night, one short incident last week."""
    state, now = core.state, core.now()
    folder = releases.build_for(core, "good")
    files = releases.store(folder, core.blobs)
    for slot, (message, ago) in enumerate(HISTORY):
        sha = commit_of(message)
        push(core, sha, message, moment=now - ago - 3600)
        deployment = Deployment(
            f"dpl_{_id()}",
            slot,
            "lms",
            now - ago,
            "production",
            {"githubCommitSha": sha, "githubCommitRef": "main", "githubCommitMessage": message},
            files,
            {one.key: one.value for one in state.vercel.env if "production" in one.target},
            60.0,
            log=["Using prebuilt build artifacts from .vercel/output", "Deployment completed"],
            settled=True,
            was_production=True,
        )
        state.vercel.deployments[deployment.id] = deployment
        state.vercel.production, state.vercel.production_since = deployment.id, now - ago + 60
        state.sentry.releases[sha] = _known_release(state, sha, message, now - ago)
    state.vercel.vitals = quiet_day(state.vercel.production, now)
    state.neon.snapshots.append(Snapshot(f"snap-{_id('', 12).lower()}", "nightly", now - 0.4 * DAY, state.neon.branch))
    past = Incident(state.next_id(), "Status 503", now - 5 * DAY, state.betterstack.monitor, "LMS health")
    past.resolved, past.resolved_by = past.started + 60, "Better Stack"
    state.betterstack.incidents.append(past)


def _known_release(state: State, sha: str, message: str, moment: float) -> Release:
    """Make a release as a run records it: with its commit and its deployment."""
    deploy = {
        "id": str(state.next_id()), "environment": "production", "dateStarted": None,
        "dateFinished": iso_seconds(moment),
        "name": "", "url": None,
    }  # fmt: skip
    return Release(sha, moment, [state.sentry.project], deploys=[deploy], commits=[{"id": sha, "message": message}])


def commit_of(message: str) -> str:
    """Make the SHA of the commit of one of HISTORY."""
    return hashlib.sha1(message.encode(), usedforsecurity=False).hexdigest()


def _id(prefix: str = "", length: int = 24) -> str:
    return prefix + "".join(random.SystemRandom().choices(string.ascii_letters + string.digits, k=length))

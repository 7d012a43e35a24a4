"""Examines what the vendors hold for a target: each token tried for real, and how the accounts are set up."""

from checks import access, health, release
from checks.evidence import SecurityAlerts
from checks.gate import Verdict
from checks.policy import DatabasePolicy, ErrorsPolicy, SecurityPolicy, SourcePolicy
from pipeline.adoption.consultation import Consultation
from pipeline.adoption.symptoms import ON_GITHUB, Symptom
from pipeline.clients import tokens
from pipeline.errors import Refused
from pipeline.world.secrets import SECRETS

Symptoms = tuple[Symptom, ...]
READS = (
    ("Contents", "/contents"),
    ("Pull requests", "/pulls"),
    ("Actions", "/actions/runs"),
    ("Checks", "/commits/{branch}/check-runs"),
    ("Commit statuses", "/commits/{branch}/status"),
    ("Deployments", "/deployments"),
)
"""What a token for GitHub has to be allowed to read, and a path that tries it."""
GUARDS = frozenset({"protection", "pull_request", "required_status_checks"})
SENTRY_NEEDS = frozenset({"event:read", "event:write", "org:read", "project:read", "project:releases", "org:ci"})


async def vercel_token(consultation: Consultation) -> Symptoms:
    """The token is taken, and reaches no more than the team."""
    facts = await tokens.vercel_token(consultation.world.vercel)
    found = [consultation.lifetime("Vercel", "VERCEL_TOKEN", facts)]
    team = consultation.settings.team
    if team and "user" in facts.scopes:
        says = "reaches everything that its person reaches: it is for the full account"
        found.append(Symptom("Vercel", Verdict.WARN, "VERCEL_TOKEN", says, "a token for the team alone is enough"))
    return tuple(found)


async def vercel_project(consultation: Consultation) -> Symptoms:
    """The token finds the project in the team."""
    team = consultation.settings.team
    project = await consultation.world.vercel.project()
    return (Symptom("Vercel", Verdict.PASS, "project", f"{project.id} was found" + (f" in {team}" if team else "")),)


async def vercel_promotes(consultation: Consultation) -> Symptoms:
    return await consultation.ask("Vercel", "VERCEL_TOKEN", "may promote and roll back", access.vercel_may_promote)


async def vercel_pushes(consultation: Consultation) -> Symptoms:
    """Vercel's Git connection and automatic assignment of domains."""
    return await consultation.ask("Vercel", "Git", "pushes move no production domain", release.builds_move_nothing)


async def github_token(consultation: Consultation) -> Symptoms:
    """The token sees the repository, and may read what gates read; a classic one may too much."""
    github, branch = consultation.world.github, consultation.policies[SourcePolicy].branch
    try:
        facts = await tokens.github_token(github)
    except Refused as error:
        if error.status != 404:
            raise
        says = f"does not see {github.repository}: it is of another account, or of other repositories"
        return (Symptom("GitHub", Verdict.BLOCK, "GITHUB_TOKEN", says, "or mend source.repository in deploy.yml"),)
    found = [consultation.lifetime("GitHub", "GITHUB_TOKEN", facts)]
    lacks = [name for name, path in READS if not await tokens.may_read(github, path.format(branch=branch))]
    if lacks:
        found.append(Symptom("GitHub", Verdict.BLOCK, "GITHUB_TOKEN", f"may not read {', '.join(lacks)}"))
    if facts.scopes:
        says = f"is a classic one that may {', '.join(facts.scopes)}, in every repository of its person"
        found.append(Symptom("GitHub", Verdict.WARN, "GITHUB_TOKEN", says, "a fine-grained one is enough"))
    return tuple(found)


async def github_scanners(consultation: Consultation) -> Symptoms:
    """Dependabot and code scanning are on, and may be asked."""
    (seen,) = await consultation.look.all((SecurityAlerts,))
    wanted = consultation.policies[SecurityPolicy].scanners
    page = f"https://github.com/{consultation.world.github.repository}/settings/security_analysis"
    refused = {one.scanner for one in seen.refused}
    found = []
    for scanner in wanted:
        if scanner in seen.off:
            found.append(Symptom("GitHub", Verdict.BLOCK, scanner, "is switched off", page))
        elif scanner in refused:
            says = f"may not read the alerts of {scanner}"
            found.append(Symptom("GitHub", Verdict.BLOCK, "GITHUB_TOKEN", says))
        else:
            found.append(Symptom("GitHub", Verdict.PASS, scanner, "is switched on"))
    return tuple(found)


async def github_guards(consultation: Consultation) -> Symptoms:
    """The branch and the environment are guarded."""
    github, branch = consultation.world.github, consultation.policies[SourcePolicy].branch
    page = f"https://github.com/{github.repository}/settings"
    guards = await tokens.branch_rules(github, branch)
    if GUARDS & {*guards}:
        found = [Symptom("GitHub", Verdict.PASS, f"branch {branch}", f"is guarded: {', '.join(guards)}")]
    else:
        says = "is guarded by nothing: who may push ships without a review"
        found = [Symptom("GitHub", Verdict.WARN, f"branch {branch}", says, f"{page}/rules")]
    name = consultation.settings.name
    rules = await tokens.environment_rules(github, name)
    if rules:
        found.append(Symptom("GitHub", Verdict.PASS, f"environment {name}", f"has rules: {', '.join(rules)}"))
    else:
        says = "is not there" if rules is None else "has no rule: every workflow of the repository gets its secrets"
        found.append(Symptom("GitHub", Verdict.WARN, f"environment {name}", says, f"{page}/environments"))
    return tuple(found)


async def github_secrets(consultation: Consultation) -> Symptoms:
    """The names of the secrets that the workflows are given: nobody can read a value, so a step of one tries them."""
    names = await tokens.secret_names(consultation.world.github, consultation.settings.name)
    if names is None:
        says = "were not listed: the token may not read their names (Secrets: read)"
        return (Symptom("GitHub", Verdict.PASS, "secrets", f"{says}; gh workflow run monitor.yml -f checklist=doctor"),)
    wanted = [ON_GITHUB.get(name, name) for name in SECRETS if consultation.settings.secrets.get(name)]
    if lacks := [name for name in wanted if name not in names]:
        says = f"of the workflows lack {', '.join(lacks)}"
        return (Symptom("GitHub", Verdict.WARN, "secrets", says, f"gh secret set {lacks[0]}"),)
    return (Symptom("GitHub", Verdict.PASS, "secrets", f"of the workflows: {len(names)} are set"),)


async def sentry(consultation: Consultation) -> Symptoms:
    """The token has the scopes, and knows the organization and the project."""
    found = [
        *await consultation.ask(
            "Sentry", "SENTRY_AUTH_TOKEN", "may read errors and record releases", access.sentry_may_be_used
        )
    ]
    policy = consultation.policies[ErrorsPolicy]
    too_many = sorted({*await consultation.world.sentry.scopes()} - SENTRY_NEEDS)
    if too_many:
        says = f"may more than is needed: {', '.join(too_many)}"
        found.append(Symptom("Sentry", Verdict.WARN, "SENTRY_AUTH_TOKEN", says))
    place = f"{policy.organization}/{policy.project}"
    try:
        await consultation.world.sentry.environments()
    except Refused as error:
        if error.status not in (403, 404):
            raise
        says = "is not known to SENTRY_AUTH_TOKEN: it is of another organization, or the slug is wrong"
        return (
            *found,
            Symptom("Sentry", Verdict.BLOCK, place, says, "errors.organization and errors.project in deploy.yml"),
        )
    return (*found, Symptom("Sentry", Verdict.PASS, place, "was found"))


async def betterstack(consultation: Consultation) -> Symptoms:
    return await consultation.ask("Better Stack", "BETTERSTACK_API_TOKEN", "finds the monitor", access.monitor_is_known)


async def neon(consultation: Consultation) -> Symptoms:
    """The key opens the project; without a project Neon's API is not used."""
    project = consultation.policies[DatabasePolicy].neon_project
    try:
        await consultation.world.neon.project()
    except Refused as error:
        if error.status not in (403, 404):
            raise
        says = f"does not see the project {project}"
        return (Symptom("Neon", Verdict.BLOCK, "NEON_API_KEY", says, "or mend database.neon_project in deploy.yml"),)
    return (Symptom("Neon", Verdict.PASS, "NEON_API_KEY", f"opens {project}"),)


async def storage(consultation: Consultation) -> Symptoms:
    return await consultation.ask(
        "R2", "bucket", "may be listed, written, read and deleted in", access.storage_may_be_used
    )


async def cloudflare(consultation: Consultation) -> Symptoms:
    """The token is active, and when it ends."""
    account = consultation.settings.secrets.get("R2_ACCOUNT_ID", "")
    facts = await tokens.cloudflare_token(consultation.world.cloudflare, account)
    if facts.scopes:
        says = f"is {', '.join(facts.scopes)}"
        return (Symptom("Cloudflare", Verdict.BLOCK, "CLOUDFLARE_API_TOKEN", says),)
    return (consultation.lifetime("Cloudflare", "CLOUDFLARE_API_TOKEN", facts),)


async def redis(consultation: Consultation) -> Symptoms:
    return await consultation.ask(
        "Upstash", "UPSTASH_REDIS_REST_TOKEN", "answers and may write", access.redis_may_be_used
    )


async def channels(consultation: Consultation) -> Symptoms:
    return await consultation.ask("People", "channels", "would take a message", access.people_can_be_told)


async def site(consultation: Consultation) -> Symptoms:
    return await consultation.ask(
        "Site", consultation.settings.domain, "answers, and its health check is well", health.is_well_before
    )


async def student(consultation: Consultation) -> Symptoms:
    return await consultation.ask("Site", "SMOKE_PASSWORD", "signs in", access.smoke_user_can_sign_in)

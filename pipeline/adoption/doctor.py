"""Examines a target: which secret is there and right, what the accounts allow, what this machine lacks."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from checks.gate import Verdict
from checks.policy import DatabasePolicy, ErrorsPolicy, SmokePolicy, UptimePolicy
from pipeline.adoption import machine, vendors
from pipeline.adoption.consultation import Consultation
from pipeline.adoption.symptoms import Symptom, not_set
from pipeline.clients.base import Service
from pipeline.clients.tokens import reachable
from pipeline.errors import Refused, ServiceError
from pipeline.world.secrets import CHANNELS, SECRETS, refused_token

Examines = Callable[[Consultation], Awaitable[tuple[Symptom, ...]]]


def _always(policies: Mapping[type, Any]) -> str:
    return ""


@dataclass(frozen=True)
class Examination:
    """What is asked of one service, in order. ``needs``: the secrets without which nothing can be asked.

    ``idle`` says why the service is not used by this project; empty: it is. ``client``: the field of the World that is
    asked whether it can be reached at all, when there is no secret to ask more.
    """

    service: str
    needs: tuple[str, ...]
    asks: tuple[Examines, ...]
    idle: Callable[[Mapping[type, Any]], str] = _always
    client: str = ""
    optional: bool = False
    """Whether a project may do without its secrets: then one that is missing is no fault."""
    of: str = ""
    """The key of the target without which there is nothing to ask about."""
    about: str = ""
    """What of the service it asks about, when that is not all of it."""


def _without_sentry(policies: Mapping[type, Any]) -> str:
    return "" if policies[ErrorsPolicy].organization else "errors.organization is empty"


def _without_betterstack(policies: Mapping[type, Any]) -> str:
    return "" if policies[UptimePolicy].monitor else "uptime.monitor is empty"


def _without_neon(policies: Mapping[type, Any]) -> str:
    return "" if policies[DatabasePolicy].neon_project else "database.neon_project is empty"


def _without_sign_in(policies: Mapping[type, Any]) -> str:
    return "" if policies[SmokePolicy].sign_in else "no journey in smoke.journeys signs in"


R2 = ("R2_ACCOUNT_ID", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_BUCKET")
UPSTASH = ("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN")
GITHUB = (vendors.github_token, vendors.github_scanners, vendors.github_guards, vendors.github_secrets)
EXAMINATIONS = (
    Examination(
        "Vercel",
        ("VERCEL_TOKEN",),
        (vendors.vercel_token,),
        client="vercel",
    ),
    Examination(
        "Vercel",
        ("VERCEL_TOKEN",),
        (vendors.vercel_project, vendors.vercel_promotes, vendors.vercel_pushes),
        client="vercel",
        of="project",
    ),
    Examination("GitHub", ("GITHUB_TOKEN",), GITHUB, client="github"),
    Examination("Database", ("DIRECT_URL",), (machine.database, machine.prisma)),
    Examination("Neon", ("NEON_API_KEY",), (vendors.neon,), _without_neon, "neon"),
    Examination("Sentry", ("SENTRY_AUTH_TOKEN",), (vendors.sentry,), _without_sentry, "sentry"),
    Examination(
        "Better Stack", ("BETTERSTACK_API_TOKEN",), (vendors.betterstack,), _without_betterstack, "betterstack"
    ),
    Examination("R2", R2, (vendors.storage,), optional=True),
    Examination("Cloudflare", ("CLOUDFLARE_API_TOKEN",), (vendors.cloudflare,), optional=True),
    Examination("Upstash", UPSTASH, (vendors.redis,), optional=True),
    Examination("People", ("NOTIFY_WEBHOOK_URL",), (vendors.channels,), optional=True),
    Examination("Site", (), (vendors.site,), of="domain"),
    Examination(
        "Site", ("SMOKE_EMAIL", "SMOKE_PASSWORD"), (vendors.student,), _without_sign_in, of="domain", about="sign-in"
    ),
    Examination(machine.HERE, (), (machine.programs, machine.record, machine.clock)),
)
"""Every examination, in the order in which they are shown."""


async def examined(consultation: Consultation) -> tuple[Symptom, ...]:
    """Make every examination at the same time; their lines in the order of EXAMINATIONS."""
    found = await asyncio.gather(*(_examined(consultation, one) for one in EXAMINATIONS))
    return tuple(dict.fromkeys((*consultation.unfilled, *(symptom for several in found for symptom in several))))


async def _examined(consultation: Consultation, examination: Examination) -> tuple[Symptom, ...]:
    service = examination.service
    if why := examination.idle(consultation.policies):
        return (Symptom(service, Verdict.PASS, examination.about or service, f"is not used: {why}", unused=why),)
    if examination.of and not getattr(consultation.settings, examination.of):
        says = f"is not looked at: targets.{consultation.settings.name}.{examination.of} is to be filled in"
        return (Symptom(service, Verdict.PASS, examination.of, says),)
    missing = [name for name in examination.needs if not consultation.settings.secrets.get(name)]
    if missing and service != "People":
        if examination.optional and len(missing) == len(examination.needs):
            why = f"{missing[0]} is not set"
            return (Symptom(service, Verdict.PASS, service, f"is not looked at: {why}", unused=why),)
        half = len(missing) < len(examination.needs)
        absent = [_absent(consultation, service, name, wanted=half or name in SECRETS) for name in missing]
        return (*absent, *await _reached(consultation, examination))
    if service == "People" and not any(consultation.settings.secrets.get(name) for name in CHANNELS.values()):
        return (not_set(service, "NOTIFY_WEBHOOK_URL", wanted=False),)
    found: list[Symptom] = []
    for ask in examination.asks:
        lines = await _asked(consultation, examination, ask)
        found += lines
        if any(line.verdict is Verdict.BLOCK and line.subject in examination.needs for line in lines):
            break  # what follows would say the same in other words
    return tuple(found)


def _absent(consultation: Consultation, service: str, name: str, *, wanted: bool) -> Symptom:
    if name in consultation.malformed:
        return Symptom(service, Verdict.BLOCK, name, consultation.malformed[name])
    return not_set(service, name, wanted=wanted)


async def _asked(consultation: Consultation, examination: Examination, ask: Examines) -> tuple[Symptom, ...]:
    """One question; a service that fails is a line and not the end, and a token that it refuses is wrong."""
    try:
        return await ask(consultation)
    except ServiceError as error:
        if isinstance(error, Refused):
            name, where = refused_token(error.service, error.status)
            if name:
                says = f"is refused (answered {error.status}): it is wrong, expired, or of another account"
                return (Symptom(examination.service, Verdict.BLOCK, name, says, where),)
        says = f"could not be read: {error.asked}: {error.came}"
        return (Symptom(examination.service, Verdict.UNKNOWN, error.service, says),)


async def _reached(consultation: Consultation, examination: Examination) -> tuple[Symptom, ...]:
    """Whether the service can be reached from here, without a token: else the next thing to find out."""
    service = getattr(consultation.world, examination.client) if examination.client else None
    if not isinstance(service, Service):
        return ()
    try:
        await reachable(service)
    except ServiceError as error:
        return (
            Symptom(examination.service, Verdict.BLOCK, service.base, f"cannot be reached from here: {error.came}"),
        )
    return (Symptom(examination.service, Verdict.PASS, service.base, "can be reached"),)

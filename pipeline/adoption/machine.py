"""Examines this machine and the database: programs and their versions, the clock, where the record is kept."""

import asyncio
import re
import shutil
from collections.abc import Callable

from checks import calendar
from checks.gate import Verdict
from checks.policy import BuildPolicy, DatabasePolicy
from pipeline.adoption.consultation import Consultation
from pipeline.adoption.symptoms import Symptom
from pipeline.clients.prismaversion import SENDS_EACH, pinned
from pipeline.clients.programs import version_of
from pipeline.config.tools import TOOLS, VERCEL, pinned_vercel
from pipeline.errors import Mistake, ServiceError
from pipeline.record.place import place_of

LEAST_NODE = 20
Symptoms = tuple[Symptom, ...]
HERE = "This machine"


async def programs(consultation: Consultation) -> Symptoms:
    """node, npm and git, and the Vercel CLI that builds."""
    node, npm, git = await asyncio.gather(
        *(asyncio.to_thread(version_of, [name, "--version"]) for name in ("node", "npm", "git"))
    )
    return (
        _node(node),
        _there("npm", npm, "comes with Node.js; builds need it"),
        _there("git", git, "install it; which commit ships is asked of it"),
        await asyncio.to_thread(_vercel, consultation),
    )


def _there(name: str, version: str | None, fix: str) -> Symptom:
    if version is None:
        return Symptom(HERE, Verdict.WARN, name, "is not there", fix)
    return Symptom(HERE, Verdict.PASS, name, version)


def _node(version: str | None) -> Symptom:
    if version and int(version.partition(".")[0]) < LEAST_NODE:
        return Symptom(HERE, Verdict.WARN, "node", f"is {version}", f"install Node.js {LEAST_NODE} or newer")
    return _there("node", version, f"install Node.js {LEAST_NODE} or newer; builds need it")


def _vercel(consultation: Consultation) -> Symptom:
    """The Vercel CLI: the pinned one is installed by `./inv build` when it is first needed."""
    policy: BuildPolicy = consultation.policies[BuildPolicy]
    if policy.by == "cli":
        found = version_of([*policy.command.split(), "--version"], consultation.folder)
        if found != policy.version:
            says = f"is {found}" if found else "is not there"
            return Symptom(
                HERE, Verdict.BLOCK, "vercel", says, f"install {policy.version}, or say build.version in deploy.yml"
            )
        return Symptom(HERE, Verdict.PASS, "vercel", str(found))
    installed = (TOOLS / VERCEL).is_file()
    words = "is installed" if installed else "is installed by ./inv build when it is needed"
    return Symptom(HERE, Verdict.PASS, "vercel", f"{policy.version or pinned_vercel()} {words}")


async def clock(consultation: Consultation) -> Symptoms:
    """The clock, beside the services'; when Vercel cannot be asked, its own lines have said so."""
    found = await consultation.ask(HERE, "clock", "is right", calendar.clock_is_right)
    return tuple(one for one in found if not one.secret and one.verdict is not Verdict.UNKNOWN)


async def record(consultation: Consultation) -> Symptoms:
    """Where runs are written down, and whether others see it."""
    state = consultation.config.file.state
    try:
        place = place_of(state, consultation.root)
    except Mistake as mistake:
        name = state if re.fullmatch(r"[A-Z][A-Z0-9_]*", state) else "state"
        return (Symptom(HERE, Verdict.BLOCK, name, str(mistake).partition(": ")[2]),)
    if place.shared:
        return (Symptom(HERE, Verdict.PASS, "record", f"is shared by {place.name}"),)
    fix = "state: JOURNAL_URL in deploy.yml, and a Postgres URL in that variable"
    return (Symptom(HERE, Verdict.WARN, "record", f"is {place}: a job's is gone with its runner", fix),)


async def database(consultation: Consultation) -> Symptoms:
    """The database answers on a direct address, and the tools for its version are here."""
    sql = "select current_setting('server_version_num')::int / 10000, current_database()"
    try:
        _, rows = await consultation.world.database.query(sql, asked="ask its version")
    except ServiceError as error:
        return (Symptom("Database", Verdict.BLOCK, "DIRECT_URL", f"opens nothing: {error.came}"),)
    version, name = int(rows[0][0]), str(rows[0][1])
    found = [Symptom("Database", Verdict.PASS, "DIRECT_URL", f"opens {name}, Postgres {version}")]
    policy: DatabasePolicy = consultation.policies[DatabasePolicy]
    try:
        tools = await consultation.world.postgres_tools.find(version)
    except ServiceError as error:
        worse = Verdict.WARN if policy.neon_project else Verdict.BLOCK  # there a branch stands in for a dump
        found.append(Symptom("Database", worse, "pg_dump", error.came))
    else:
        found.append(Symptom("Database", Verdict.PASS, "pg_dump", str(tools.version)))
    return tuple(found)


async def prisma(consultation: Consultation, which: Callable[[str], str | None] = shutil.which) -> Symptoms:
    """Prisma's version in the app, against the engine that applies migrations."""
    policy: DatabasePolicy = consultation.policies[DatabasePolicy]
    found = await asyncio.to_thread(pinned, consultation.folder)
    if policy.engine == "prisma":
        first = policy.command.split()[0]
        if which(first) is None:
            return (
                Symptom("Database", Verdict.BLOCK, "prisma", f"{first} is not there", "database.command in deploy.yml"),
            )
    if found is None:
        says = "is pinned nowhere in the app that was looked at, so how it sends files is not known"
        return (Symptom("Database", Verdict.WARN, "prisma", says, "--from FOLDER says where its package.json is"),)
    how = "statement by statement" if found >= SENDS_EACH else "each file whole"
    engine = "its own command applies" if policy.engine == "prisma" else "this tool applies"
    return (
        Symptom("Database", Verdict.PASS, "prisma", f"{found[0]}.{found[1]}; {engine} migrations as it does: {how}"),
    )

"""Reads what exactly would ship, and who has agreed to that beside the reviews on GitHub."""

import asyncio
import datetime
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from checks.evidence import Approval, EnvironmentVariables, GivenApprovals, Migrations, Release, ReleasePlan
from checks.evidence.approval import digest_of, hash_of
from checks.policy import ApprovalPolicy
from pipeline.clients.githubshapes import EnvironmentApproval
from pipeline.clients.prisma import migrations_in
from pipeline.clients.sshsign import Signer, Unproved, is_anothers, signer_of
from pipeline.environment import variable
from pipeline.record.approvals import NAMESPACE, GivenApproval, approval_text
from pipeline.world.world import World


async def release_plan(
    world: World, release: Release, migrations: Migrations, seen: EnvironmentVariables
) -> ReleasePlan:
    sql = {one.name: one.sql for one in migrations_in(world.migrations) if one.name in migrations.pending}
    running = [[name, hashlib.sha256(text).hexdigest()] for name, text in sql.items()]
    variables = sorted([one.name, one.branch, one.updated] for one in seen.variables)
    parts = (
        ("commit", digest_of(release.commit)),
        ("sql", digest_of(json.dumps(running))),
        ("environment", digest_of(json.dumps([seen.target, variables]))),
        *world.rules,
    )
    return ReleasePlan(release.commit, parts, migrations.pending, _last_changed(seen))


def _last_changed(seen: EnvironmentVariables) -> str:
    """When the last of the variables was changed; empty when there is none, or Vercel does not say."""
    last = max((one.updated for one in seen.variables), default=0)
    return datetime.datetime.fromtimestamp(last / 1000, datetime.UTC).isoformat() if last else ""


async def given_approvals(world: World, policy: ApprovalPolicy, release: Release) -> GivenApprovals:
    """Read the signed ones from the journal, each with whose key has signed, and those of the GitHub environment."""
    written = await asyncio.to_thread(world.records.approvals)
    earlier = await asyncio.to_thread(world.records.plans, release.commit)
    signers = world.root / policy.signers
    signed = await asyncio.gather(*(asyncio.to_thread(_verified, one, signers) for one in _newest(written)))
    return GivenApprovals(world.run, (*signed, *await _of_environment(world, release)), earlier)


MOST = 20


def _newest(written: Iterable[GivenApproval]) -> tuple[GivenApproval, ...]:
    """The last of them: each costs a process, and who has approved that often has to do it once more."""
    return tuple(written)[-MOST:]


def _verified(given: GivenApproval, signers: Path) -> Approval:
    """The approval with the names that the file of the keys has for whoever signed it; else with what is wrong.

    What was typed at a terminal is signed by nobody: it says so, and `approval.ways` says whether that counts.
    """
    signer, flaw = Signer((), ""), ""
    try:
        if given.via != "in person":
            signer = signer_of(approval_text(given), given.proof, signers, NAMESPACE)
            if is_anothers(given.by, signer, signers):
                flaw = f"signed with the key of {' or '.join(signer.names)}"
    except Unproved as error:
        flaw = str(error)
    if not flaw and hash_of(given.parts) != given.plan:
        flaw = "of a plan that is not made of what it says"
    return Approval(
        given.by,
        given.at,
        given.commit,
        given.via,
        plan=given.plan,
        parts=given.parts,
        names=signer.names,
        key=signer.key,
        flaw=flaw,
    )


async def _of_environment(world: World, release: Release) -> tuple[Approval, ...]:
    """Who has let this very run of GitHub Actions into the target's environment; none outside of Actions."""
    if variable("GITHUB_ACTIONS") != "true":
        return ()
    said = await world.github.environment_approvals(variable("GITHUB_RUN_ID"))
    found = [one for one in said if one.approved and {world.target, world.vercel_target} & set(one.environments)]
    roles = await asyncio.gather(*(world.github.permission(one.by) for one in found))
    return tuple(_let_in(one, release, role) for one, role in zip(found, roles, strict=True))


def _let_in(said: EnvironmentApproval, release: Release, role: str) -> Approval:
    return Approval(said.by, "", release.commit, "environment", role)


PROBES = (release_plan, given_approvals)

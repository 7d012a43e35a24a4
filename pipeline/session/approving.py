"""Gives an approval with an SSH key: for the plan of a run, by whoever the file of the keys knows."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from checks.evidence import ReleasePlan
from checks.policy import ApprovalPolicy
from pipeline.clients import git
from pipeline.clients.sshsign import Signer, Unproved, is_anothers, sign, signer_of
from pipeline.config import Config
from pipeline.errors import Mistake
from pipeline.record.approvals import NAMESPACE, GivenApproval, approval_text, give
from pipeline.record.bounded import Store
from pipeline.record.journal import Event, Journal, events_of, latest_runs, new_run_id
from pipeline.record.place import place_of
from pipeline.record.plans import KIND, plan_in
from pipeline.record.store import open_store
from pipeline.redact import Redactor

SHORTEST = 12  # digits of a plan's hash
HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class ApproveOrder:
    """What a person typed after ``approve``. ``what``: a run, ``latest``, or a plan's hash; ``key``: a file."""

    what: str
    key: str = ""
    by: str = ""


@dataclass(frozen=True)
class Planned:
    """A plan, and where it was read."""

    run: str
    target: str
    plan: ReleasePlan


def approve(
    config: Config, root: Path, order: ApproveOrder, now: datetime.datetime, out: Callable[[str], None]
) -> GivenApproval:
    """Sign the plan of a run and write that down. Raises Mistake when there is no plan, or the key is nobody's."""
    place = place_of(config.file.state, root)
    store = open_store(place.address, root)
    try:
        found = planned(store, order.what)
        out(_shown(found))
        given = signed(found, order, config.policies[found.target].approval, root, now)
        journal = Journal(store, f"approval-{new_run_id(now)}", lambda: now, Redactor())
        give(journal, given)
    finally:
        store.close()
    out(f"{given.by} approves plan {given.plan[:SHORTEST]}; it counts for every run of this plan, and for no other")
    if not place.shared:
        out(f"it is written down in {place}")
    return given


def planned(store: Store, what: str) -> Planned:
    """The plan that is meant: of a run, or by its hash. Raises Mistake."""
    run = next(iter(latest_runs(store, 1)), "") if what == "latest" else what
    events = events_of(store, run)
    plan = ""
    if not events and len(what) >= SHORTEST and not set(what) - HEX:
        run, plan = _run_of(store, what), what
        events = events_of(store, run)
    if not events or events[0].kind != "run begins":
        raise Mistake(
            f"approve {what}: is no run (./inv history lists them), nor {SHORTEST} digits or more of a plan's hash"
        )
    return Planned(run, str(events[0].body["target"]), _plan_of(run, events, plan))


def _run_of(store: Store, plan: str) -> str:
    """The newest run that has read a plan whose hash begins so."""
    rows = store.execute("select run, subject from deploy_events where kind = ? order by seq desc", KIND)
    for run, subject in rows:
        if subject.startswith(plan):
            return str(run)
    raise Mistake(f"approve {plan}: no run has read such a plan; ./inv deploy reads it, and says what it lacks")


def _plan_of(run: str, events: tuple[Event, ...], wanted: str) -> ReleasePlan:
    for event in reversed(events):
        if event.kind == KIND and event.subject.startswith(wanted):
            found = plan_in([event])
            assert found
            return found
    raise Mistake(f"approve {run}: it has read no plan yet; its preflight does")


def signed(
    found: Planned, order: ApproveOrder, policy: ApprovalPolicy, root: Path, now: datetime.datetime
) -> GivenApproval:
    """The approval, signed and read back as the gate will read it. Raises Mistake when the key is nobody's."""
    key = Path(order.key or usual_key(root, "approve")).expanduser()
    by = order.by or (git.asked(root, ["config", "user.name"]) or "").strip()
    if not by:
        raise Mistake("approve: git does not know your name; say --by NAME")
    plan = found.plan
    at = now.isoformat(timespec="seconds")
    unsigned = GivenApproval(found.run, found.target, plan.hash, plan.commit, by, at, plan.parts)
    text = approval_text(unsigned)
    given = GivenApproval(**{**vars(unsigned), "proof": sign(key, text, NAMESPACE)})
    signer = _known(given, root / policy.signers, key)
    if is_anothers(by, signer, root / policy.signers):
        raise Mistake(f"approve: --by {by}: that is somebody else; this key is of {' or '.join(signer.names)}")
    return given


def _known(given: GivenApproval, signers: Path, key: Path) -> Signer:
    try:
        return signer_of(approval_text(given), given.proof, signers, NAMESPACE)
    except Unproved as error:
        raise Mistake(
            f"--key {key}: {error}; a line of {signers.name} is all your names by commas (GitHub login, mail address), "
            "then your public key; it is committed and reviewed like everything else"
        ) from error


def usual_key(root: Path, command: str) -> str:
    """The key that git signs with, when that is an SSH key in a file. Raises Mistake, in the name of ``command``."""
    found = (git.asked(root, ["config", "user.signingkey"]) or "").strip()
    if not found or found.startswith(("ssh-", "key::")):
        raise Mistake(f"{command}: say with --key which SSH key is yours, e.g. --key ~/.ssh/id_ed25519")
    return found


def _shown(found: Planned) -> str:
    """What is about to be approved, in words."""
    plan = found.plan
    pending = ", ".join(plan.pending) or "none"
    return "\n".join(
        [
            f"plan {plan.hash}",
            f"  run         {found.run} to {found.target}",
            f"  commit      {plan.commit}",
            f"  migrations  {pending}",
            *(f"  {name:<11} {digest[:SHORTEST]}" for name, digest in plan.parts),
        ]
    )

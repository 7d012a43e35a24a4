"""Orders are signed by who gives them, as approvals are; and every worker asks again before it begins a project."""

import datetime
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.clients.sshsign import Signer, Unproved, is_anothers, sign, signer_of
from pipeline.errors import Mistake
from pipeline.fleet.file import FleetFile, FleetGroup
from pipeline.fleet.order import OrderAction, OrderPlan
from pipeline.fleet.permitting import is_named
from pipeline.record.journal import Event, plain

NAMESPACE = "fleet-order"
AGREED = "wave approved"
LATER = ("bounds", "gate", "commits", "fleet", "settings")
"""Parts of a plan and of its waves that older orders lack: nothing is signed of them while they are empty."""
ACT = {OrderAction.DEPLOY: "deploy", OrderAction.ROLL_BACK: "rollback"}


@dataclass(frozen=True)
class SignedWord:
    """What somebody said to an order, e.g. that he agrees to a wave. ``at``: ISO 8601; ``proof``: empty, unsigned."""

    by: str
    at: str
    proof: str = ""


def order_text(plan: OrderPlan) -> str:
    """What a key signs of an order: who gives it, and a digest of everything that it says."""
    body = {name: value for name, value in vars(plan).items() if name not in ("proof", "action")}
    body = {name: value for name, value in body.items() if value or name not in LATER}
    body["waves"] = [{name: one for name, one in vars(wave).items() if one or name not in LATER} for wave in plan.waves]
    said = json.dumps(_even(plain(body)), sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(said.encode()).hexdigest()
    return f"order: {plan.order}\naction: {plan.action.value}\nby: {' '.join(plan.by.split())}\nplan: {digest}\n"


def word_text(plan: OrderPlan, what: str, said: SignedWord) -> str:
    """What a key signs of ``what``, e.g. ``agrees to rest``, which is said to an order."""
    return f"{order_text(plan)}{what}\nsaid by: {' '.join(said.by.split())}\nat: {said.at}\n"


def _even(value: Any) -> Any:
    """``value`` with whole numbers as such, whichever way a record has kept them."""
    if isinstance(value, dict):
        return {key: _even(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_even(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


class FleetPermits:
    """Answers who may, by the ``fleet.yml`` in ``root`` and the keys that it names."""

    def __init__(self, root: Path, file: FleetFile) -> None:
        self._file, self._signers = file, root / file.signers
        self._known: dict[tuple[str, str, bytes], Signer] = {}

    def is_open(self, projects: Iterable[str]) -> bool:
        """Whether anybody may give orders for ``projects``: nothing says who."""
        return self._file.may is None and all(self._group(name).may is None for name in projects)

    def signed(self, plan: OrderPlan, key: Path) -> OrderPlan:
        """The order, signed by ``key`` in the name of its owner. Raises Mistake when its owner may not give it."""
        plan, signer = self._with_proof(plan, key)
        if plan.by.casefold() not in {name.casefold() for name in signer.names}:
            plan, _ = self._with_proof(replace(plan, by=signer.names[0]), key)
        acts = [ACT[plan.action], *(["rollback"] if plan.when_spent.startswith("roll back") else [])]
        self._must_be_named(signer, plan.projects, acts)
        return plan

    def word(self, plan: OrderPlan, what: str, said: SignedWord, key: Path, wave: str = "") -> SignedWord:
        """``said``, signed by ``key``, about ``wave`` or the whole order. Raises Mistake when its owner may not.

        Of an order that is not as its own signature says nobody says anything.
        """
        try:
            self.giver(plan)
            said, signer = self._word(plan, what, said, key)
            if wave and is_anothers(said.by, signer, self._signers):
                raise Unproved(f"this key is of {' or '.join(signer.names)}, and not of {said.by}")
            if said.by.casefold() not in {name.casefold() for name in signer.names}:
                said, signer = self._word(plan, what, replace(said, by=signer.names[0]), key)
        except Unproved as error:
            raise Mistake(f"order {plan.order}: {error}") from error
        if not wave:
            self._must_be_named(signer, plan.projects, [ACT[plan.action]])
        elif why := self._not_agreed(plan, wave, said):
            raise Mistake(f"--agreed-by {said.by}: {why}")
        return said

    @property
    def fleet(self) -> str:
        """What this fleet is called."""
        return self._file.name

    @property
    def fleet_is_open(self) -> bool:
        """Whether nothing at all says who may."""
        return self.is_open(self._file.projects)

    def say(self, text_of: Callable[[str], str], by: str, key: Path, act: str) -> tuple[str, str]:
        """Who says, and the signature by ``key`` of, what ``text_of`` gives for that name; about the whole fleet.

        Raises Mistake when the key's owner may not do ``act``.
        """
        try:
            proof = sign(key, text_of(by), NAMESPACE)
            signer = self._owner(text_of(by), proof)
            if by.casefold() not in {name.casefold() for name in signer.names}:
                by = signer.names[0]
                proof = sign(key, text_of(by), NAMESPACE)
        except Unproved as error:
            raise Mistake(f"--key {key}: {error}; {self._signers.name} has who may") from error
        if why := self._not_named(signer, "", act):
            raise Mistake(why)
        return by, proof

    def not_said(self, text: str, fleet: str, proof: str, by: str, act: str) -> str:
        """Why ``text``, which names ``fleet`` as a whole, does not count as said by one who may; empty when it does."""
        try:
            return self._not_named(self._signer(text, fleet, proof, by), "", act)
        except Unproved as error:
            return str(error)

    def _word(self, plan: OrderPlan, what: str, said: SignedWord, key: Path) -> tuple[SignedWord, Signer]:
        said = replace(said, proof=sign(key, word_text(plan, what, said), NAMESPACE))
        return said, self._owner(word_text(plan, what, said), said.proof)

    def giver(self, plan: OrderPlan) -> Signer:
        """Who has given an order. Raises Unproved when nobody known has, or not this one, or not to this fleet."""
        return self._signer(order_text(plan), plan.fleet, plan.proof, plan.by)

    def refusal(self, plan: OrderPlan, project: str, events: Iterable[Event]) -> str:
        """Why a worker does not begin a project of an order; empty when it may. ``events``: of the order."""
        if project not in plan.projects:
            return f"order {plan.order} does not name it"
        if self.is_open([project]):
            return ""
        try:
            signer = self.giver(plan)
        except Unproved as error:
            return f"order {plan.order} by {plan.by or 'nobody'}: {error}"
        if why := self._not_named(signer, project, ACT[plan.action]):
            return why
        wave = next(one for one in plan.waves if project in one.projects)
        if not wave.approval:
            return ""
        said = [event for event in events if (event.kind, event.subject) == (AGREED, wave.name)]
        return self._not_agreed(plan, wave.name, word_from(said[-1].body)) if said else f"nobody agreed to {wave.name}"

    def _not_agreed(self, plan: OrderPlan, wave: str, said: SignedWord) -> str:
        """Why a yes to a wave does not count; empty when it does."""
        try:
            signer = self._signer(word_text(plan, f"agrees to {wave}", said), plan.fleet, said.proof, said.by)
            giver = self.giver(plan)
        except Unproved as error:
            return f"the yes to {wave} by {said.by or 'nobody'}: {error}"
        if not self._file.own_waves and (signer.key == giver.key or {*signer.names} & {*giver.names}):
            return f"{signer.names[0]} gave the order; somebody else agrees to {wave}"
        projects = next((one.projects for one in plan.waves if one.name == wave), ())
        return next(filter(None, (self._not_named(signer, name, "agree") for name in projects)), "")

    def _with_proof(self, plan: OrderPlan, key: Path) -> tuple[OrderPlan, Signer]:
        plan = replace(plan, proof=sign(key, order_text(plan), NAMESPACE))
        try:
            return plan, self._owner(order_text(plan), plan.proof)
        except Unproved as error:
            raise Mistake(f"--key {key}: {error}; {self._signers.name} has who may give orders") from error

    def _must_be_named(self, signer: Signer, projects: Iterable[str], acts: Iterable[str]) -> None:
        lines = [self._not_named(signer, name, act) for act in acts for name in projects]
        if found := [line for line in dict.fromkeys(lines) if line]:
            raise Mistake("\n".join(found))

    def _not_named(self, signer: Signer, project: str, act: str) -> str:
        """Why whoever has signed may not do ``act`` with a project; empty when he may."""
        group = self._file.projects[project].group if project in self._file.projects else ""
        own, shared = self._group(project).may, self._file.may
        names = (getattr(own, act) if own else None) or (getattr(shared, act) if shared else None)
        if names is None or is_named(signer, names, self._file.people):
            return ""
        whose = f"groups.{group}.may.{act}" if own and getattr(own, act) else f"may.{act}"
        what = group or ("this fleet" if act == "freeze" else "these projects")
        return f"{signer.names[0]} may not {act} {what}: {whose} names {', '.join(names)}"

    def _signer(self, text: str, fleet: str, proof: str, by: str) -> Signer:
        """Whose key has signed ``text``, which names ``fleet``, in his own name. Raises Unproved."""
        if not proof:
            raise Unproved("it is signed by nobody")
        if fleet != self.fleet:
            whose = f"is of the fleet {fleet}" if fleet else "names no fleet"
            raise Unproved(f"it {whose}, and this one is {self.fleet}; it has to be said anew here")
        signer = self._owner(text, proof)
        if is_anothers(by, signer, self._signers):
            raise Unproved(f"it is signed with the key of {' or '.join(signer.names)}")
        return signer

    def _owner(self, text: str, proof: str) -> Signer:
        """Whose key has signed; what was asked of the same keys is not asked twice. Raises Unproved."""
        try:
            keys = self._signers.read_bytes()
        except OSError as error:
            raise Unproved(f"nobody's key is known: there is no {self._signers.name}") from error
        if (text, proof, keys) not in self._known:
            self._known[text, proof, keys] = signer_of(text, proof, self._signers, NAMESPACE)
        return self._known[text, proof, keys]

    def _group(self, project: str) -> FleetGroup:
        known = self._file.projects.get(project)
        return self._file.groups.get(known.group if known else "", FleetGroup())


def word_from(body: Any) -> SignedWord:
    """What somebody said, as it was written down."""
    return SignedWord(*(str(body.get(name, "")) for name in ("by", "at", "proof")))


def said_now(by: str, now: datetime.datetime) -> SignedWord:
    """What somebody says now, not signed yet."""
    return SignedWord(by, now.isoformat(timespec="seconds"))

"""The waivers of deploy.yml: signed with an SSH key or not, and the line that signs one."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from checks.policy import ApprovalPolicy, Waiver
from pipeline.clients.sshsign import Unproved, sign, signer_of
from pipeline.errors import Mistake
from pipeline.session.session import Session

NAMESPACE = "release-waiver"


@dataclass(frozen=True)
class JudgedWaiver:
    """A waiver, and who has signed it: the names of a key, or nobody."""

    gate: str
    subject: str
    until: str
    by: str
    reason: str
    signed_by: str = ""


def judged_waivers(session: Session) -> tuple[JudgedWaiver, ...]:
    """Those of deploy.yml that still count. Raises Mistake for a signature that is not of what the waiver says."""
    today = session.clock.now().date()
    signers = session.root / session.settings.policies[ApprovalPolicy].signers
    return tuple(judged(one, signers) for one in session.config.file.waivers if one.until >= today)


def judged(waiver: Waiver, signers: Path) -> JudgedWaiver:
    """``waiver`` with who has signed it. Raises Mistake."""
    names: Sequence[str] = ()
    if waiver.signature:
        try:
            names = signer_of(waiver_text(waiver), waiver.signature, signers, NAMESPACE).names
        except Unproved as error:
            raise Mistake(
                f"deploy.yml: waivers: {waiver.gate} until {waiver.until} by {waiver.by}: its signature does not count "
                f"({error}); ./inv waivers --sign {waiver.gate} signs it anew"
            ) from error
    said = (waiver.gate, waiver.subject, waiver.until.isoformat(), waiver.by, waiver.reason)
    return JudgedWaiver(*said, ", ".join(names))


def waiver_text(waiver: Waiver) -> str:
    """What a key signs: everything that a waiver says, in the order of its keys."""
    said = ((field.name, str(getattr(waiver, field.name))) for field in fields(Waiver) if field.name != "signature")
    return "".join(f"{name}: {' '.join(value.split())}\n" for name, value in said)


def signed_waivers(waivers: Sequence[Waiver], gate: str, key: Path, signers: Path) -> tuple[Waiver, ...]:
    """The waivers of ``gate``, each signed by ``key``. Raises Mistake without any, or when the key is nobody's."""
    found = [waiver for waiver in waivers if waiver.gate == gate]
    if not found:
        raise Mistake(f"waivers --sign {gate}: deploy.yml has no waiver for that gate")
    made = tuple(replace(one, signature=sign(key, waiver_text(one), NAMESPACE)) for one in found)
    for one in made:
        judged(one, signers)
    return made

"""``runbooks/reviews/signatures.yml``: who has read which section, as it was. A changed word ends a signature."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import yaml

from checks.persons import apart, names_of
from checks.policy import RunbooksPolicy
from pipeline.clients import git
from pipeline.clients.sshsign import Unproved, signer_of
from pipeline.documents.pages.sections import Section
from pipeline.errors import Mistake
from pipeline.home import as_typed, command_in
from pipeline.redact import markdown

FILE = "runbooks/reviews/signatures.yml"
SIGNERS = "runbooks/reviews/allowed_signers"
NAMESPACE = "runbooks"
HEAD = """\
# Who has read which section, as it was then: `./inv runbooks.review --sign NAME` writes this.
# A signature ends when a word of its section changes, or when `runbooks.expires` of deploy.yml is over.
"""


@dataclass(frozen=True)
class Signature:
    """A signature says who has read a section as it was. ``how``: git, key or github. ``proof``: by the key."""

    section: str
    digest: str
    by: str
    on: str
    how: str = "git"
    proof: str = ""
    names: tuple[str, ...] = field(default=(), compare=False)
    """What else this person is called, once the key was looked up; not kept in the file."""

    @property
    def person(self) -> frozenset[str]:
        """What tells this person from others: the address and the key, or the name when there is neither."""
        return names_of(mail_of(self.by) or self.by, *self.names)


@dataclass(frozen=True)
class Standing:
    """How a section stands. ``state``: reviewed, changed, expired, unread or too few."""

    section: Section
    state: str
    by: tuple[str, ...]
    on: str
    says: str

    @property
    def fine(self) -> bool:
        return self.state == "reviewed"


def signatures(root: Path) -> tuple[Signature, ...]:
    """All signatures of a checkout. Raises Mistake naming what is wrong with the file."""
    path = root / FILE
    if not path.is_file():
        return ()
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8")) or []
        return tuple(_signature(**{key: str(value or "") for key, value in entry.items()}) for entry in raw)
    except (OSError, yaml.YAMLError, TypeError, AttributeError) as error:
        raise Mistake(f"{FILE}: is no list of signatures: {error}") from error


def _signature(section: str, digest: str, by: str, on: str, how: str = "git", proof: str = "") -> Signature:
    return Signature(section, digest, by, on, how, proof)


def add(root: Path, new: Iterable[Signature]) -> None:
    """Adds signatures to the file. Of one person and section only the newest counts and is kept."""
    kept = {(signature.section, signature.by): signature for signature in (*signatures(root), *new)}
    every = sorted(kept.values(), key=lambda signature: (signature.section, signature.on, signature.by))
    entries = [{key: value for key, value in asdict(one).items() if key != "names"} for one in every]
    text = yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=200)
    (root / FILE).parent.mkdir(parents=True, exist_ok=True)
    (root / FILE).write_text(as_typed(HEAD, command_in(root)) + text, encoding="utf-8")


def standing(
    every: Sequence[Section], signed: Sequence[Signature], policy: RunbooksPolicy, today: datetime.date
) -> tuple[Standing, ...]:
    """How each section stands, in order: who has read it as it is."""
    return tuple(_stands(section, signed, policy, today) for section in every)


def _stands(section: Section, signed: Sequence[Signature], policy: RunbooksPolicy, today: datetime.date) -> Standing:
    ours = [signature for signature in signed if signature.section == section.id and may_sign(signature.by, policy)]
    same = [signature for signature in ours if signature.digest == section.digest]
    oldest = today - datetime.timedelta(seconds=policy.expires)
    newest = today + datetime.timedelta(days=1)  # where the day begins earlier
    valid = [one for one in same if oldest <= datetime.date.fromisoformat(one.on) <= newest]
    people, on = _readers(valid), max((signature.on for signature in valid), default="")
    if len(people) >= policy.reviewers:
        return Standing(section, "reviewed", people, on, f"read by {', '.join(people)} on {on}")
    if valid:
        return Standing(section, "too few", people, on, f"{len(people)} of {policy.reviewers}: {', '.join(people)}")
    if same:
        last = max(same, key=lambda signature: signature.on)
        return Standing(section, "expired", (last.by,), last.on, f"{last.by} read it on {last.on}, too long ago")
    if ours:
        last = max(ours, key=lambda signature: signature.on)
        return Standing(section, "changed", (last.by,), last.on, f"changed since {last.by} read it on {last.on}")
    return Standing(section, "unread", (), "", "nobody has read it")


def _readers(signed: Sequence[Signature]) -> tuple[str, ...]:
    """The different people who signed, each by the name of the first signature: a key is one person."""
    found = apart(signature.person for signature in signed)
    return tuple(sorted(next(one.by for one in signed if one.person <= person) for person in found))


def read_by(section: Section, signed: Sequence[Signature]) -> str:
    """Who has read a section as it is, and when; or that it has changed since. Empty when nobody ever has."""
    ours = [signature for signature in signed if signature.section == section.id]
    same = sorted(
        (signature for signature in ours if signature.digest == section.digest),
        key=lambda signature: (signature.on, signature.by),
    )
    if same:
        return "read by " + ", ".join(f"{markdown(_name(signature.by))} on {signature.on}" for signature in same)
    last = max(ours, key=lambda signature: signature.on, default=None)
    return f"changed since {markdown(_name(last.by))} read it on {last.on}" if last else ""


def may_sign(by: str, policy: RunbooksPolicy) -> bool:
    """Whether the policy lets somebody sign, by name or by name and address; an empty policy lets anybody."""
    return not policy.by or by in policy.by or _name(by) in policy.by


def mail_of(by: str) -> str:
    """The mail address of a signer, from ``Name <address>``."""
    return by.rpartition("<")[2].rstrip(">")


def _name(by: str) -> str:
    """The name of a signer without the address, which is nobody's business on a page."""
    return by.partition(" <")[0]


def identity(root: Path) -> str:
    """Name and address that git signs commits with. Raises Mistake when git has none."""
    name, mail = (_said(["config", key], root) for key in ("user.name", "user.email"))
    if not name or not mail:
        raise Mistake("runbooks.review: git does not know who you are: git config user.name and user.email, or --key")
    return f"{name} <{mail}>"


def verified(signature: Signature, root: Path) -> Signature | None:
    """``signature`` with all names of whoever made it; None when it is by key and the key is not of the person named.

    ``runbooks/reviews/allowed_signers`` says whose each key is.
    """
    if signature.how != "key":
        return signature
    try:
        signer = signer_of(signed_text(signature), signature.proof, root / SIGNERS, NAMESPACE)
    except Unproved:
        return None
    if mail_of(signature.by).casefold() not in names_of(*signer.names):
        return None
    return replace(signature, names=(*signer.names, signer.key))


def signed_text(signature: Signature) -> str:
    """The text that a key signs: everything that a signature says."""
    said = {"section": signature.section, "digest": signature.digest, "by": signature.by, "on": signature.on}
    return "".join(f"{name}: {' '.join(value.split())}\n" for name, value in said.items())


def page_at(root: Path, commit: str, page: str) -> str:
    """A page as a commit has it; empty when it does not."""
    return _said(["show", f"{commit}:./runbooks/{page}"], root, strip=False)


def last_commit(root: Path, page: str) -> str:
    """The commit that changed a page last; empty when there is none."""
    return _said(["log", "-1", "--format=%H", "--", f"runbooks/{page}"], root)


def _said(words: list[str], root: Path, *, strip: bool = True) -> str:
    printed = git.asked(root, words) or ""
    return printed.strip() if strip else printed

"""``invoke runbooks.review``: lists how each section stands, and signs."""

import datetime
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from checks.policy import RunbooksPolicy
from pipeline.clients.sshsign import sign
from pipeline.config import Config
from pipeline.documents.pages.sections import Section, sections
from pipeline.documents.reviews import (
    FILE,
    NAMESPACE,
    SIGNERS,
    Signature,
    Standing,
    add,
    identity,
    last_commit,
    mail_of,
    may_sign,
    page_at,
    signatures,
    signed_text,
    standing,
    verified,
)
from pipeline.documents.writing import Sources, every_section, generated
from pipeline.errors import Mistake, ServiceError
from pipeline.session.session import open_session
from pipeline.world.world import World

Out = Callable[[str], None]
DAY = "%Y-%m-%d"


@dataclass(frozen=True)
class ReviewOrder:
    """What a person typed after ``runbooks.review``."""

    sign: str = ""
    section: str = ""
    key: str = ""
    github: bool = False
    target: str = ""


def review_sections(sources: Sources, wanted: ReviewOrder, out: Out, *, as_json: bool) -> bool:
    """Sign sections, or list how they stand. True when a section needs a reader."""
    config, root = sources.config, sources.root
    every = every_section(sources)
    chosen = _chosen(every, wanted.section)
    today = datetime.datetime.now(datetime.UTC).date()
    policy: RunbooksPolicy = config.file.runbooks
    if wanted.sign or wanted.key:
        _sign(sources, wanted, chosen, today, out)
    every_one = [verified(one, root) for one in signatures(root)]
    signed = [one for one in every_one if one]
    forged = len(every_one) - len(signed)
    if forged:
        out(f"{forged} signature(s) by key do not count: no key in {SIGNERS} has made them as they stand there")
    if wanted.github:
        signed += _approvals(config, wanted.target, chosen, root, out)
    stands = standing(chosen, signed, policy, today)
    needed = [one for one in stands if not one.fine]
    if as_json:
        out(json.dumps([_plain(one) for one in stands], ensure_ascii=False))
    else:
        _show(stands, needed, policy, out)
    return bool(needed)


def _show(stands: Sequence[Standing], needed: Sequence[Standing], policy: RunbooksPolicy, out: Out) -> None:
    for one in needed:
        out(f"  {one.state:<9} {one.section.id:<60} {one.says}")
    who = f" of {', '.join(policy.by)}" if policy.by else ""
    out(
        f"{len(stands) - len(needed)} of {len(stands)} sections are read by {policy.reviewers}{who}; the others need it"
    )
    if needed:
        out('read them, then: ./inv runbooks.review --sign "Your Name" [--section PAGE.md#section]')


def _plain(standing: Standing) -> dict[str, object]:
    return {
        "section": standing.section.id,
        "digest": standing.section.digest,
        "state": standing.state,
        "by": standing.by,
        "on": standing.on,
    }


def _chosen(every: Sequence[Section], wanted: str) -> Sequence[Section]:
    found = [one for one in every if wanted in ("", one.id, one.page)]
    if not found:
        pages = ", ".join(dict.fromkeys(one.page for one in every))
        raise Mistake(f"--section {wanted}: there is none; the pages are {pages}, a section is PAGE.md#its-heading")
    return found


def _sign(sources: Sources, wanted: ReviewOrder, chosen: Iterable[Section], today: datetime.date, out: Out) -> None:
    """Sign the chosen sections. Raises Mistake when what is on the disk is not what would be signed."""
    for name, text in generated(sources).items():
        path = sources.root / name
        if name.endswith(".md") and (not path.is_file() or path.read_text(encoding="utf-8") != text):
            raise Mistake(
                f"{name}: is not as it would be generated now, so you have read something else; ./inv runbooks"
            )
    policy = sources.config.file.runbooks
    by = f"{wanted.sign} <{mail_of(identity(sources.root))}>" if wanted.sign else identity(sources.root)
    if not may_sign(by, policy):
        raise Mistake(f"--sign {by}: may not sign; deploy.yml lets {', '.join(policy.by)} (runbooks.by)")
    how, new = "key" if wanted.key else "git", []
    for one in chosen:
        unsigned = Signature(one.id, one.digest, by, today.strftime(DAY), how)
        proof = sign(Path(wanted.key), signed_text(unsigned), NAMESPACE) if wanted.key else ""
        new.append(replace(unsigned, proof=proof))
    add(sources.root, new)
    out(f"{by} has signed {len(new)} section(s) in {FILE}; commit it, and ./inv runbooks shows it on the pages")


def _approvals(config: Config, target: str, chosen: Sequence[Section], root: Path, out: Out) -> list[Signature]:
    """Who approved the pull request that changed a page last, for the sections that are still as they were then."""
    commits = {page: last_commit(root, page) for page in dict.fromkeys(one.page for one in chosen)}

    async def read(world: World) -> list[Signature]:
        found = []
        for page, commit in commits.items():
            pull = await world.github.pull_of(commit) if commit else None
            reviews = await world.github.reviews(pull.number) if pull else ()
            digests = {one.id: one.digest for one in sections(page, page_at(root, commit, page))} if pull else {}
            latest = {one.by: one for one in reviews if one.state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")}
            found += [
                Signature(section, digest, by, one.at[:10], "github")
                for by, one in latest.items()
                if one.state == "APPROVED" and pull and by != pull.author
                for section, digest in digests.items()
            ]
        return found

    with open_session(config, target, root, ("GITHUB_TOKEN",)) as session:
        try:
            found = session.in_world("review", read)
        except ServiceError as error:
            raise Mistake(f"--github: {error}") from error
    out(f"GitHub: {len({one.by for one in found})} approver(s) of {len(commits)} page(s)")
    return found

"""What exactly would ship, as one hash, and who has agreed to that."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from checks.evidence.base import Evidence
from checks.persons import names_of

Part = tuple[str, str]
"""A part of a plan by its name, and the SHA-256 of what it says."""


def hash_of(parts: Iterable[Part]) -> str:
    """The hash of a plan: SHA-256 over its parts, whatever their order."""
    text = "".join(f"{name} {digest}\n" for name, digest in sorted(parts))
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of(text: str) -> str:
    """The SHA-256 of one part of a plan."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class ReleasePlan(Evidence):
    """What would ship: the commit, the SQL, the environment, the gates with their policies, the waivers.

    Source: the release, its pending migration.sql files, the names and dates of the variables (no values), deploy.yml
    """

    commit: str
    parts: tuple[Part, ...]
    pending: tuple[str, ...] = ()
    """The migrations that would run, by name."""
    environment_at: str = ""
    """When a variable was last changed, ISO 8601; empty when that is not known."""

    @property
    def hash(self) -> str:
        return hash_of(self.parts)

    def changed(self, parts: Iterable[Part]) -> tuple[str, ...]:
        """The names of the parts that are not as in ``parts``, in the plan's order."""
        before = dict(parts)
        names = dict.fromkeys([*dict(self.parts), *before])
        return tuple(name for name in names if dict(self.parts).get(name) != before.get(name))

    def brief(self) -> str:
        return f"plan {self.hash[:12]}"


@dataclass(frozen=True)
class Approval:
    """One person's yes: ``of`` is the commit they looked at, ``at`` is ISO 8601, ``via`` how they said it."""

    by: str
    at: str
    of: str
    via: str
    """``github``: a review; ``environment``: of a GitHub environment; ``signature``: by a key; ``in person``."""
    role: str = "write"
    """What they may do in the repository: admin, write, read or none."""
    bot: bool = False
    """Whether an app said it, i.e. somebody's script."""
    plan: str = ""
    """The hash of the plan that it is for; empty when it is for the commit."""
    parts: tuple[Part, ...] = ()
    """What that plan was made of."""
    names: tuple[str, ...] = ()
    """What else this person is called, as the file of the keys says."""
    key: str = ""
    """The fingerprint of the key that has signed."""
    flaw: str = ""
    """Why it cannot count whatever is asked for, e.g. that nobody's key has signed it."""

    @property
    def counts(self) -> bool:
        """Whether GitHub itself would count it: only from people who may write."""
        return self.role in ("admin", "write") and not self.bot

    @property
    def people(self) -> frozenset[str]:
        """Everything that says who it is, in lower case."""
        return names_of(self.by, self.key, *self.names)

    @property
    def proved(self) -> frozenset[str]:
        """What is known of who it is: whoever signs types any name, and the file of the keys says whose the key is."""
        return names_of(self.key, *self.names) if self.via == "signature" else self.people


@dataclass(frozen=True)
class EarlierPlan:
    """A plan of the commit that ships, as a run has read it at ``at`` (ISO 8601)."""

    at: str
    plan: ReleasePlan


@dataclass(frozen=True)
class GivenApprovals(Evidence):
    """Approvals beside those of the pull request, and the plans that they could be for.

    Source: the journal, with the signature of each verified; GET /repos/{repo}/actions/runs/{id}/approvals
    """

    run: str
    """The run that asks for them."""
    given: tuple[Approval, ...] = ()
    earlier: tuple[EarlierPlan, ...] = ()
    """The plans of this commit that were read before, oldest first."""

    def brief(self) -> str:
        return f"{len(self.given)} given" if self.given else ""

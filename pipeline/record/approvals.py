"""Approvals of a plan that were given with a key: written down beside the runs, for whichever run has that plan."""

import json
from dataclasses import dataclass

from checks.evidence.approval import Part
from pipeline.record.bounded import Store
from pipeline.record.journal import Journal

NAMESPACE = "release-approval"
KIND = "approval given"


@dataclass(frozen=True)
class GivenApproval:
    """A yes to a plan. ``at`` is ISO 8601; ``parts`` are what the plan is made of; ``proof``: the key's signature."""

    run: str
    target: str
    plan: str
    commit: str
    by: str
    at: str
    parts: tuple[Part, ...]
    proof: str = ""
    via: str = "signature"
    """Or ``in person``: typed at the terminal of the run, signed by nobody."""


def approval_text(given: GivenApproval) -> str:
    """What a key signs: everything that an approval says."""
    said = {
        "approves": given.plan, "commit": given.commit, "target": given.target, "run": given.run,
        "by": given.by, "at": given.at,
    }  # fmt: skip
    return "".join(f"{name}: {' '.join(value.split())}\n" for name, value in said.items())


def give(journal: Journal, given: GivenApproval) -> None:
    """Write an approval down. The journal is its own: a run's events are the run's."""
    journal.append(KIND, given.plan, exact={"approval": given})


def given_to(store: Store, target: str) -> tuple[GivenApproval, ...]:
    """The approvals that were given for ``target``, oldest first."""
    found = []
    for (text,) in store.execute("select body from deploy_events where kind = ? order by seq", KIND):
        said = json.loads(text)["approval"]
        parts = tuple((str(name), str(digest)) for name, digest in said["parts"])
        if said["target"] == target:
            found.append(GivenApproval(**{**said, "parts": parts}))
    return tuple(found)

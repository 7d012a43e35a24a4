"""Who may give which order to a fleet: names and groups of people, in ``fleet.yml``."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from checks.policy import Policy
from pipeline.clients.sshsign import Signer, known_names

ACTS = ("deploy", "rollback", "agree", "freeze")
KEY = "SHA256:"


@dataclass(frozen=True)
class FleetMay(Policy):
    """Who may do what. A name is one of the file of keys, a group of `people`, or a key's fingerprint (`SHA256:…`).

    What is not said, whoever has a key in that file may.
    """

    deploy: tuple[str, ...] | None = None
    """Who may give and resume an order to deploy."""
    rollback: tuple[str, ...] | None = None
    """Who may take projects back."""
    agree: tuple[str, ...] | None = None
    """Who may agree to a wave that waits for that."""
    freeze: tuple[str, ...] | None = None
    """Who may freeze the fleet and lift that. Of the whole fleet: a group does not say it."""


def wrong_names(
    names: tuple[str, ...] | None, people: Iterable[str], signers: Path
) -> Iterator[tuple[int | None, str]]:
    """The place of a name, None for all of them, and what is wrong with it. ``signers``: the file of keys."""
    if names == ():
        yield None, "names nobody; leave it out for everybody with a key"
    try:
        known = known_names(signers)
    except OSError:
        return  # that is said once
    for number, name in enumerate(names or ()):
        if name not in people and not name.startswith(KEY) and name.casefold() not in known:
            yield number, f"{name!r} is neither in {signers.name} nor a group of `people`"


def is_named(signer: Signer, names: Iterable[str], people: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether one of ``names``, with the groups among them resolved, is whoever has signed."""
    meant = {one for name in names for one in people.get(name, (name,))}
    return signer.key in meant or bool({one.casefold() for one in signer.names} & {one.casefold() for one in meant})

"""What a rollback goes back to: one rule for the emergency, for the probe that looks before a deploy, and for its gate."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Deployed(Protocol):
    """A production deployment, as far as the rule looks at it. ``created`` is ms since 1970."""

    @property
    def id(self) -> str: ...
    @property
    def created(self) -> int: ...


D = TypeVar("D", bound=Deployed)


@dataclass(frozen=True)
class Return(Generic[D]):
    """Where a rollback goes: ``target``, None when there is nowhere.

    ``passed_over``: earlier deployments that were themselves taken back, newest first; a person may name one.
    """

    target: D | None
    passed_over: tuple[D, ...] = ()


def way_back(live: D | None, candidates: Iterable[D], bad: Iterable[str], replaced: str = "") -> Return[D]:
    """Where to go back to from ``live``: never to one of ``bad``, the ids that were taken back, and never forward.

    That is ``replaced``, the deployment that ``live`` took the place of, when it is known and eligible: what was made in
    between was taken back or never live. Else it is the newest of ``candidates`` that was made before ``live``. Without
    ``live`` nobody knows where one stands, so nowhere.
    """
    if live is None:
        return Return(None)
    known_bad = frozenset(bad)
    earlier = [one for one in candidates if one.id != live.id and one.created < live.created]
    newest_first = sorted(earlier, key=lambda one: one.created, reverse=True)
    good = [one for one in newest_first if one.id not in known_bad]
    known = next((deployment for deployment in good if deployment.id == replaced), None)
    return Return(known or (good[0] if good else None), tuple(one for one in newest_first if one.id in known_bad))

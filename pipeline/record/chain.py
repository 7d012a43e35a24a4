"""The chain of the journal: each event's hash covers the event and the hash before it, so no change goes unseen."""

import hashlib
from collections.abc import Iterable

Row = tuple[str, str, str, str, str]
"""run, at, kind, subject and body of an event, as the journal has them."""

START = ""
"""What the first event is linked to."""


def link(before: str, row: Iterable[str]) -> str:
    """SHA-256, as hex, of the hash ``before`` and the five texts of an event, each with its length in characters.

    Postgres computes the same (``deploy_events_link`` in ``schema.py``).
    """
    text = before + "".join(f"\n{len(part)}:{part}" for part in row)
    return hashlib.sha256(text.encode()).hexdigest()

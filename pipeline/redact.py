"""Secrets never leave the process: every text that does goes through here first."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus, unquote

MASK = "***"
SHORTEST_PIECE = 5
PASSWORD = re.compile(r"[a-z0-9+]+://[^:/@\s]*:(.+)@", re.IGNORECASE | re.DOTALL)  # to the last @, whatever is in it
PIECES = re.compile(r"[%/#?@:\s]")
SHORTEST = 4  # masking anything shorter would garble ordinary words and hide nothing


_learned: set[str] = set()


def of_this_process() -> "Redactor":
    """Hides what any redactor of this process has learned: for what is said when nobody knows where it comes from."""
    return Redactor(tuple(_learned))


class Redactor:
    """Replaces known secret values, however they are quoted, by ``***``."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: list[str] = []
        self.learn(*secrets)

    def learn(self, *secrets: str) -> None:
        """Learn more secrets to hide; of a URL with a password, the password as well."""
        _learned.update(secrets)
        forms = set(self._forms)
        for secret in secrets:
            for value in (secret, *_of_an_address(secret)):
                forms |= {value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1]}
        self._forms = sorted((form for form in forms if len(form) >= SHORTEST), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, MASK)
        return text

    def deep(self, value: Any) -> Any:
        """Redact every text inside a JSON-like value, keys included."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {self(key): self.deep(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.deep(item) for item in value]
        return value


def _of_an_address(value: str) -> Iterator[str]:
    """The password of a URL as it stands and decoded, and its pieces: a parser may take one for a host or a port."""
    found = PASSWORD.match(value)
    if not found:
        return
    yield found[1]
    yield unquote(found[1])
    yield from (piece for piece in PIECES.split(found[1]) if len(piece) >= SHORTEST_PIECE)

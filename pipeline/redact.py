"""What every text goes through before it leaves the process: secrets are hidden, and others' words are only words.

The names of checks, log lines, commit messages, logins and notes are written by others. They are kept as they came, and
made inert where they leave, because what is dangerous differs by where they go: ``inert`` for a terminal and the log of
a job, ``markdown`` for a page or a summary, ``chat`` for a channel.
"""

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
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
    return _of_all(len(_learned))  # it only grows


@lru_cache(1)
def _of_all(count: int) -> "Redactor":
    return Redactor(tuple(_learned))


def leaving(text: str) -> str:
    """``text`` as it may leave the process by a terminal, a log or a page: nothing secret in it, and nothing live."""
    return inert(of_this_process()(text))


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


UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
"""What moves the cursor, turns the direction of text, or hides: everything else is writing, in whatever language."""
OUR_COMMAND = r":(?:group::[\w .-]*|endgroup::)$"
COMMAND = re.compile(rf"^(\s*):(?!{OUR_COMMAND})(?=:)|#(?=#\[)", re.MULTILINE)
"""Where a line of a job's log begins to be a command to its runner; the old kind stands anywhere in a line."""
BREAKS = re.compile(r"\s*[\r\n\v\f\x85\u2028\u2029]\s*")
JOINER = "\u2060"
"""Is not seen, has no width, and parts ``@`` from a name: nobody is called."""


def inert(text: str) -> str:
    """``text`` for a terminal and a job's log: what is no writing is spelt out as JSON would, and commands are none."""
    shown = UNSEEN.sub(_spelt, text.replace("\r\n", "\n"))
    return COMMAND.sub(lambda found: f"{found[1]}\\u003a" if found[1] is not None else "\\u0023", shown)


def one_line(text: str) -> str:
    """``text`` as a part of a line of ours: it begins none of its own, which a reader would take for ours."""
    return inert(BREAKS.sub(" / ", text.strip()))


def markdown(text: str) -> str:
    """``text`` as a part of a line or cell of Markdown: no link, picture, mention, table or HTML; code stays code."""
    parts = re.split(r"(`[^`]+`)", one_line(text)) if "``" not in text else [one_line(text)]
    return "".join(part.replace("|", "\\|") if at % 2 else _escaped(part) for at, part in enumerate(parts))


def chat(text: str) -> str:
    """``text`` for a channel: it calls nobody, and no word of it hides where it leads."""
    text = re.sub(r"(?<![\w.])@(?=\w)", f"@{JOINER}", inert(text))
    return re.sub(r"<(?=[!@#/A-Za-z])", f"<{JOINER}", text).replace("](", f"]{JOINER}(")


def _spelt(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1] if found[0] not in "\x7f" else "\\u007f"


def _escaped(text: str) -> str:
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text).replace("<", "&lt;")
    text = re.sub(r"([\\`*\[\]|~$]|(?<!\w)_|_(?!\w)|!(?=\[)|^(?:#|>|[-+](?= )))", r"\\\1", text)
    return re.sub(r"(@)(?=\w)|(:)(?=//)|(\bwww)(?=\.)", lambda found: f"{found[0]}{JOINER}", text, flags=re.IGNORECASE)

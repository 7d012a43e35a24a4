"""What every text goes through before it leaves the process: secrets are hidden, and others' words are only words.

The names of checks, log lines, commit messages, logins and notes are written by others. They are kept as they came, and
made inert where they leave, because what is dangerous differs by where they go: ``inert`` for a terminal and the log of
a job, ``markdown`` for a page or a summary, ``chat`` for a channel.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus, unquote

MASK = "***"
SHORTEST_PIECE = 5
PASSWORD = re.compile(r"[a-z0-9+]+://[^:/@\s]*:(.+)@", re.IGNORECASE | re.DOTALL)  # to the last @, whatever is in it
KEYWORD = re.compile(r"\bpassword\s*=\s*('(?:[^'\\]|\\.)*'|\S+)", re.IGNORECASE)  # the other way to write an address
MAIL = re.compile(r"[^\s@]+@[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)  # whose domain is in half of what is said
ODD = re.compile(r"[^A-Za-z0-9_.~-]")  # what a percent sign may stand for
PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
PIECES = re.compile(r"[%/#?@:\s]")
SHORTEST_TOKEN, SHORTEST_IN_BASE64 = 10, 8
WORD = re.compile(r"[a-z]{1,19}(-[a-z]{1,19})*")
"""A word of people in a webhook's path, e.g. the name of a team: nothing that a vendor draws by lot is one."""
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
        self._forms, self._signs, self._odd = list[str](), tuple[str, ...](), set[str]()
        self.learn(*secrets)

    def learn(self, *secrets: str) -> None:
        """Learn more secrets to hide; of a URL with a password, the password as well."""
        _learned.update(secrets)
        forms = set(self._forms)
        for secret in secrets:
            for value in (secret, *_of_an_address(secret)):
                if len(value) >= SHORTEST:
                    forms |= {*_spellings(value)}
                    self._odd |= {one for one in (value, unquote(value)) if ODD.search(one)}
        self._forms = sorted((form for form in forms if len(form) >= SHORTEST), key=len, reverse=True)
        self._signs = _in_all(self._forms)

    def __call__(self, text: str) -> str:
        if "%" in text and PERCENT.search(text):
            text = _percents(frozenset(self._odd)).sub(MASK, text)
        for form in self._forms:
            text = text.replace(form, MASK)
        return text

    def deep(self, value: Any) -> Any:
        """Redact every text inside a JSON-like value, keys included.

        All of them are looked through as one first: to look for each secret in each text takes ten times as long.
        """
        return _with_texts(value, self) if self._speaks("\n".join(_texts(value))) else value

    def _speaks(self, text: str) -> bool:
        """Whether there may be a secret in ``text``; any() would take twice as long, and every event is asked."""
        for sign in self._signs:
            if sign in text:
                return True
        return "%" in text and PERCENT.search(text) is not None


def _in_all(forms: Iterable[str]) -> tuple[str, ...]:
    """Few texts of which every one of ``forms`` has one in it: nearly all spellings of a secret share a piece."""
    found = list[str]()
    for form in sorted(forms, key=len):
        if not any(sign in form for sign in found):
            found.append(max((piece for piece in ODD.split(form) if len(piece) >= SHORTEST), key=len, default=form))
    return tuple(found)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _with_texts(value: Any, said: Callable[[str], str]) -> Any:
    """``value`` with each text in it as ``said`` gives it."""
    if isinstance(value, str):
        return said(value)
    if isinstance(value, dict):
        return {said(key): _with_texts(item, said) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_texts(item, said) for item in value]
    return value


def _of_an_address(value: str) -> Iterator[str]:
    """The password of a URL as it stands and decoded, and its pieces: a parser may take one for a host or a port."""
    if found := PASSWORD.match(value) or KEYWORD.search(value):
        password = re.sub(r"^'(.*)'$", lambda quoted: re.sub(r"\\(.)", r"\1", quoted[1]), found[1], flags=re.DOTALL)
        yield from (found[1], found[1].strip("'"), password, unquote(password))
        pieces = (*PIECES.split(password), *PIECES.split(unquote(password)))
        yield from (piece for piece in pieces if len(piece) >= SHORTEST_PIECE)
    scheme, separator, rest = value.partition("://")
    if separator and scheme in ("http", "https"):
        yield from _tokens(rest.partition("/")[2])
    elif separator and not scheme.startswith(("postgres", "mailto")):  # Apprise's: the host is mostly a token, too
        yield from _tokens(rest)
    elif not separator and not MAIL.fullmatch(value):  # a word that a parser may have taken apart
        yield from (piece for piece in PIECES.split(value) if len(piece) >= SHORTEST_TOKEN)


def _tokens(path: str) -> Iterator[str]:
    """What in the path and query of a webhook is its secret: all of it, and each part that is long enough for one."""
    pieces = (path, *re.split(r"[/?&=@:#]", path), *PIECES.split(unquote(path)))
    yield from (piece for piece in pieces if len(piece) >= SHORTEST_TOKEN and not WORD.fullmatch(piece))


def _spellings(value: str) -> Iterator[str]:
    """``value`` as texts have it: in a URL, in JSON (also twice), in Python's words, in HTML, in Base64."""
    for quoted in (value, quote(value, safe=""), quote_plus(value), unquote(value)):
        yield from (quoted, quote(quoted, safe=""), _in_html(quoted), repr(quoted)[1:-1])
        for inside in (json.dumps(quoted), json.dumps(quoted, ensure_ascii=False)):
            yield from (inside[1:-1], json.dumps(inside)[3:-3])
    yield from (coded for plain in {value, unquote(value)} for coded in _in_base64(plain.encode(errors="replace")))


def _in_html(text: str) -> str:
    for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#x27;")):
        text = text.replace(sign, name)
    return text


def _in_base64(data: bytes) -> Iterator[str]:
    """What stays the same of ``data`` in Base64, wherever in a longer text it begins: `user:password`, for one."""
    for before, lost in ((0, 0), (1, 2), (2, 3)):
        whole = base64.b64encode(b"\0" * before + data).decode()
        kept = whole[lost:].rstrip("=")
        kept = kept[:-1] if (before + len(data)) % 3 else kept
        if len(kept) >= SHORTEST_IN_BASE64:
            yield from (kept, kept.replace("+", "-").replace("/", "_"))


@lru_cache(4)
def _percents(odd: frozenset[str]) -> re.Pattern[str]:
    """Finds each of ``odd`` with percent signs in it; compiling it is slow, and few texts have any."""
    longest_first = sorted(odd, key=lambda one: -len(one))
    return re.compile("|".join(map(_with_percents, longest_first)) or r"(?!)", re.IGNORECASE)


def _with_percents(form: str) -> str:
    """A pattern for ``form`` of which any characters may be written with a percent sign."""
    return "".join(
        f"(?:{re.escape(sign)}|{''.join(f'%{byte:02X}' for byte in sign.encode(errors='replace'))})" for sign in form
    )


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
    text = re.sub(r"(?<![\w.])@(?=\w)", f"@{JOINER}", leaving(text))
    return re.sub(r"<(?=[!@#/A-Za-z])", f"<{JOINER}", text).replace("](", f"]{JOINER}(")


def _spelt(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1] if found[0] not in "\x7f" else "\\u007f"


def _escaped(text: str) -> str:
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text).replace("<", "&lt;")
    text = re.sub(r"([\\`*\[\]|~$]|(?<!\w)_|_(?!\w)|!(?=\[)|^(?:#|>|[-+](?= )))", r"\\\1", text)
    return re.sub(r"(@)(?=\w)|(:)(?=//)|(\bwww)(?=\.)", lambda found: f"{found[0]}{JOINER}", text, flags=re.IGNORECASE)

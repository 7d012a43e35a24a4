"""Signs text with an SSH key and says whose key has signed one, with ``ssh-keygen``; nothing is kept."""

import base64
import contextlib
import hashlib
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from pipeline.clients import git
from pipeline.errors import Mistake

MISSING = "ssh-keygen is not installed here: install openssh-client"
FINGERPRINT = re.compile(r"\bSHA256:[A-Za-z0-9+/]+")
KINDS = ("ssh-", "ecdsa-", "sk-")
HEAD, TAIL = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"


class Unproved(Exception):
    """Nobody who may has signed; why, as half a sentence."""


@dataclass(frozen=True)
class Signer:
    """Whose key has signed: every name that the file has for it, and the key's fingerprint (``SHA256:…``)."""

    names: tuple[str, ...]
    key: str


def sign(key: Path, text: str, namespace: str) -> str:
    """Sign ``text``; the signature as one line. Raises Mistake when the key cannot, or ssh-keygen is missing."""
    words = ["-Y", "sign", "-f", str(key), "-n", namespace, "-q"]
    try:
        code, armoured, complaint = git.ssh_keygen(words, text)
    except FileNotFoundError as error:
        raise Mistake(f"--key {key}: {MISSING}") from error
    except OSError as error:
        raise Mistake(f"--key {key}: ssh-keygen cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise Mistake(f"--key {key}: ssh-keygen has not ended in {error.timeout:.0f} s") from error
    if code:
        raise Mistake(f"--key {key}: {complaint.strip() or 'cannot sign'}")
    return "".join(armoured.split("\n")[1:-2])


def signer_of(text: str, proof: str, signers: Path, namespace: str) -> Signer:
    """Whose key has signed ``text``. ``signers``: a file as ``ssh-keygen`` has it (*ALLOWED SIGNERS*).

    Raises Unproved when nobody's in it has, or nobody here can tell.
    """
    if not signers.is_file():
        raise Unproved(f"nobody's key is known: there is no {signers.name}")
    with _written(proof) as file:
        found = _said(["-Y", "find-principals", "-s", file, "-f", str(signers)], "")
        names = tuple(dict.fromkeys(name for line in found.splitlines() for name in line.split(",") if name))
        if not names:
            raise Unproved(f"{signers.name} has no such key")
        words = ["-Y", "verify", "-f", str(signers), "-I", names[0], "-n", namespace, "-s", file]
        said = _said(words, text)
    key = FINGERPRINT.search(said)
    if key is None:
        raise Unproved("its signature is of something else")
    others = _names_of_key(signers.read_text(encoding="utf-8", errors="replace"), key[0])
    return Signer(tuple(dict.fromkeys([*names, *others])), key[0])


def key_of(text: str, proof: str, namespace: str) -> str:
    """The fingerprint of the key that has signed ``text``, whosever it is; empty when it is no signature of that.

    Raises Unproved when nobody here can tell.
    """
    with _written(proof) as file:
        found = FINGERPRINT.search(_said(["-Y", "check-novalidate", "-n", namespace, "-s", file], text))
    return found[0] if found else ""


@contextlib.contextmanager
def _written(proof: str) -> Iterator[str]:
    """The path of a file with the signature as ``ssh-keygen`` wants it; gone afterwards."""
    with tempfile.NamedTemporaryFile("w", suffix=".sig", encoding="ascii", errors="replace") as file:
        file.write(f"{HEAD}\n{proof}\n{TAIL}\n")
        file.flush()
        yield file.name


def is_anothers(name: str, signer: Signer, signers: Path) -> bool:
    """Whether the file of the keys has ``name`` for somebody else, and not for ``signer``."""
    return name.casefold() in known_names(signers) - {one.casefold() for one in signer.names}


def known_names(signers: Path) -> frozenset[str]:
    """All names that the file of the keys has, case folded. Raises OSError."""
    return frozenset(
        one.casefold()
        for line in signers.read_text(encoding="utf-8", errors="replace").splitlines()
        for one in (line.split() or [""])[0].strip('"').split(",")
        if one
    )


def _names_of_key(text: str, key: str) -> Iterator[str]:
    """Every name that a file of signers has for a key, on whichever line: ssh-keygen tells only the first."""
    for line in text.splitlines():
        names, *rest = line.split() or [""]
        for kind, blob in pairwise(rest):
            if kind.startswith(KINDS) and _fingerprint(blob) == key:
                yield from names.strip('"').split(",")


def _fingerprint(blob: str) -> str:
    try:
        digest = hashlib.sha256(base64.b64decode(blob, validate=True)).digest()
    except ValueError:
        return ""
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _said(words: list[str], text: str) -> str:
    """What ssh-keygen prints; nothing when it says no. Raises Unproved when it cannot be asked."""
    try:
        code, out, _ = git.ssh_keygen(words, text)
    except FileNotFoundError as error:
        raise Unproved(MISSING) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unproved(f"ssh-keygen cannot be asked: {error}") from error
    return "" if code else out

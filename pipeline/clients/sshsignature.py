"""Signatures by SSH keys, as git makes them: ``ssh-keygen -Y``. Asks nobody; a key may ask for its passphrase."""

import re
import subprocess
import tempfile
from pathlib import Path

from pipeline.clients import git
from pipeline.errors import Mistake


def signed(text: str, key: Path, namespace: str) -> str:
    """The armoured signature of ``text`` by ``key``, for ``namespace`` alone. Raises Mistake when it cannot sign."""
    if not key.is_file():
        raise Mistake(f"--key {key}: there is no such file; name a private SSH key, e.g. ~/.ssh/id_ed25519")
    code, armoured, complaint = _keygen(["-Y", "sign", "-f", str(key), "-n", namespace, "-q"], text, f"--key {key}")
    if code:
        raise Mistake(f"--key {key}: {' '.join(complaint.split()) or 'cannot sign'}")
    return armoured


def is_by(text: str, signature: str, namespace: str, who: str, signers: Path) -> bool:
    """Whether ``who`` signed ``text``, by a key that the file ``signers`` (git's allowed signers) has for them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "signature"
        file.write_text(signature, encoding="utf-8")
        words = ["-Y", "verify", "-f", str(signers), "-I", who, "-n", namespace, "-s", str(file)]
        code, _, _ = _keygen(words, text, "the signature")
    return code == 0


def key_of(text: str, signature: str, namespace: str) -> str:
    """The fingerprint of the key that signed ``text``, whosever it is; empty when it is no signature of that."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "signature"
        file.write_text(signature, encoding="utf-8")
        words = ["-Y", "check-novalidate", "-n", namespace, "-s", str(file)]
        code, says, _ = _keygen(words, text, "the signature")
    found = re.search(r"SHA256:\S+", says)
    return found.group() if found and code == 0 else ""


def _keygen(words: list[str], text: str, what: str) -> tuple[int, str, str]:
    try:
        return git.ssh_keygen(words, text)
    except OSError as error:
        raise Mistake(f"{what}: ssh-keygen cannot be run ({error.strerror}); install OpenSSH's client") from error
    except subprocess.TimeoutExpired as error:
        raise Mistake(f"{what}: ssh-keygen has not ended in {error.timeout:.0f} s") from error

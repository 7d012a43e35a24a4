"""Finds what has no business in a release by its name: files of secrets, keys, and the repository itself.

What a registry gave, under ``node_modules``, is left out: everybody has it.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from pipeline.errors import BadReleaseError

ENV = re.compile(r"\.env(rc|[._-].*)?")
ENV_EXAMPLE = re.compile(r".*[._-](example|sample|template|dist)")
KEY = re.compile(r"id_(rsa|dsa|ecdsa|ed25519)([._-].*)?|.*\.(p12|pfx|ppk|jks)|\.(netrc|pgpass)")
PUBLIC = re.compile(r"(export\s+)?(NEXT_PUBLIC|VITE|PUBLIC|REACT_APP)_\w*\s*=")
TOKEN = re.compile(r"_(authtoken|auth|password)\s*=\s*(?!\s*\$\{)\S", re.IGNORECASE)
MOST = 1 << 20  # bytes that are looked at; no such file is longer


def must_hold_no_secret(release: Path, names: Iterable[str]) -> None:
    """Raises BadReleaseError that names those of ``names``, relative to ``release``, that are not to be shipped."""
    found = [(name, why) for name in names if (why := why_not(name, release / name))]
    if found:
        name, why = found[0]
        more = f"; so are {', '.join(other for other, _ in found[1:6])}" if found[1:] else ""
        more += f" and {len(found) - 6} more" if len(found) > 6 else ""
        raise BadReleaseError(
            name,
            f"{why}, and would be shipped with the release{more}. Nothing was uploaded. Leave it out of the build, by "
            "`outputFileTracingExcludes` of Next.js or `excludeFiles` of vercel.json, or out of `public/`; build again",
        )


def why_not(name: str, path: Path) -> str:
    """Say what a file is that must not be shipped; empty when it may be."""
    parts = PurePosixPath(name.lower()).parts
    if "node_modules" in parts:
        return ""
    if ".git" in parts:
        return "is the repository's own"
    if ENV.fullmatch(parts[-1]) and not ENV_EXAMPLE.fullmatch(parts[-1]):
        return "" if _is_public(path) else "is a file of variables, which are secrets until somebody looks"
    if KEY.fullmatch(parts[-1]) and not parts[-1].endswith(".pub"):
        return "is a private key"
    if parts[-1].endswith(".pem") and not _is_certificate(path):
        return "may be a private key"
    if parts[-1].endswith(".key") and any("PRIVATE KEY" in line for line in _lines(path)):
        return "is a private key"
    if parts[-1] in (".npmrc", ".yarnrc.yml") and any(TOKEN.search(line) for line in _lines(path)):
        return "holds a token"
    return ""


def _is_public(path: Path) -> bool:
    """Whether every variable in it is one that the browser is given anyway."""
    said = [line for line in _lines(path) if line and not line.startswith("#")]
    return bool(said) and all(PUBLIC.match(line) for line in said)


def _is_certificate(path: Path) -> bool:
    """Whether it holds certificates or public keys, and nothing else that has a name."""
    begins = [line for line in _lines(path) if line.startswith("-----BEGIN ")]
    return bool(begins) and not any("PRIVATE" in line for line in begins)


def _lines(path: Path) -> Iterator[str]:
    """The lines of a file, stripped; none of what cannot be read or is a link."""
    if path.is_symlink():
        return
    try:
        with path.open("rb") as file:
            yield from (line.strip() for line in file.read(MOST).decode(errors="replace").splitlines())
    except OSError:
        return

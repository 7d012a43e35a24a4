"""Reads which environment variables an app's code reads, and which of them it says that it cannot do without."""

import re
from collections.abc import Iterable, Mapping

READ = re.compile(r"""\bprocess\.env(?:\.([A-Z][A-Z0-9_]+)|\[["']([A-Z][A-Z0-9_]+)["']\])""")
DECLARED = re.compile(r"^\s{2,8}([A-Z][A-Z0-9_]+)\s*:\s*(.*?)(?=^\s{2,8}[A-Z][A-Z0-9_]+\s*:|^\s{0,4}\})", re.M | re.S)
MILD = re.compile(r"\.(optional|default|nullish|catch|prefault)\s*\(|\?\s*z\.|\|\|")
IN_PRODUCTION = re.compile(r"""^process\.env\.NODE_ENV\s*===?\s*["']production["']\s*\?\s*(z\..*?)\s*:\s*z\.""", re.S)
GIVEN = frozenset(
    {"NODE_ENV", "PORT", "CI", "ANALYZE", "HOSTNAME", "TZ", "NODE_OPTIONS", "SKIP_ENV_VALIDATION", "NEXT_RUNTIME"}
)
"""What nobody sets on Vercel, or the platform itself."""


def read_by(texts: Mapping[str, str]) -> frozenset[str]:
    """The names that the code reads, without those of the platform."""
    names = {
        first or second for text in texts.values() if "process.env" in text for first, second in READ.findall(text)
    }
    return frozenset(name for name in names if not _of_the_platform(name))


def demanded_by(texts: Mapping[str, str]) -> tuple[str, ...]:
    """The names that ``createEnv`` (t3-env) declares with neither ``optional`` nor a default, in their order."""
    names: dict[str, None] = {}
    for text in texts.values():
        if "createEnv(" not in text:
            continue
        for name, declared in DECLARED.findall(text):
            words = IN_PRODUCTION.sub(r"\1 #", declared.lstrip()).partition(" #")[0]
            if words.startswith("z.") and not MILD.search(words) and not _of_the_platform(name):
                names[name] = None
    return tuple(names)


def listed_in(texts: Mapping[str, str], paths: Iterable[str]) -> tuple[str, ...]:
    """The names in the files ``paths`` (``.env.example`` and the like), in their order."""
    names = [name for path in paths for name in texts.get(path, "").split("\n") if name]
    return tuple(name for name in dict.fromkeys(names) if not _of_the_platform(name))


def _of_the_platform(name: str) -> bool:
    return name in GIVEN or name.startswith(("VERCEL_", "NEXT_PUBLIC_VERCEL_", "npm_"))

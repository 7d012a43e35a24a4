"""Recognises how people sign in to an app: NextAuth 4, Auth.js 5, or something else."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.adoption.packages import major

OTHERS = {
    "better-auth": "Better Auth", "@clerk/nextjs": "Clerk", "@auth0/nextjs-auth0": "Auth0", "lucia": "Lucia",
    "@supabase/ssr": "Supabase Auth", "@workos-inc/authkit-nextjs": "WorkOS", "@kinde-oss/kinde-auth-nextjs": "Kinde",
    "iron-session": "iron-session", "@stackframe/stack": "Stack Auth", "firebase-admin": "Firebase",
}  # fmt: skip
HANDLER = re.compile(r"(?:^|/)\[\.\.\.(?:next)?auth\](?:/route)?\.[jt]sx?$")
PROVIDER = re.compile(r"""from\s+["'](?:next-auth|@auth/core)/providers/([a-z0-9-]+)["']""")
PAGE = re.compile(r"""\bpages\s*:\s*\{[^}]*?\bsignIn\s*:\s*["'`](/[^"'`?$]*)["'`]""")
CREDENTIALS = re.compile(r"\bCredentials(?:Provider)?\s*\(\s*\{")
GENERIC = frozenset({"index", "oauth"})
REACH = 900  # characters of a provider's options that are looked at
FIELD = re.compile(r"(?:\bcredentials\??\.(?=\w)|\b(?=\w+\s*:\s*\{))(\w+)")
TAKEN = re.compile(r"\bauthorize\s*\(\s*\{([\w\s,:]*)\}")
OWN_ID = re.compile(r"""\bid\s*:\s*["']([\w-]+)["']""")


@dataclass(frozen=True)
class SeenAuth:
    """How people sign in. ``library`` in words; what follows is empty unless it is NextAuth or Auth.js."""

    library: str
    version: int = 0
    path: str = ""
    """Where it answers, e.g. ``/api/auth``."""
    page: str = ""
    """The sign-in page that its options name."""
    providers: tuple[str, ...] = ()
    """Modules of ``next-auth/providers`` that the code imports."""
    by_password: bool = False
    """Whether ``SMOKE_EMAIL`` and ``SMOKE_PASSWORD`` could sign in: a ``credentials`` provider with such fields."""

    @property
    def secret(self) -> str:
        """The variable with the secret."""
        return "NEXTAUTH_SECRET" if self.version == 4 else "AUTH_SECRET"

    @property
    def url(self) -> str:
        """The variable with the site's address; Auth.js 5 finds it out by itself."""
        return "NEXTAUTH_URL" if self.version == 4 else ""


def auth_of(wants: Mapping[str, str], texts: Mapping[str, str], base: str = "") -> SeenAuth | None:
    """What ``wants`` (package → range) and the code say; None when nobody signs in by a library that is known."""
    wanted = wants.get("next-auth")
    handlers = [path for path in texts if HANDLER.search(path)]
    if wanted is not None and handlers:
        version = 5 if major(wanted) >= 5 or wanted in ("beta", "experimental") else 4
        own = [text for text in texts.values() if "next-auth" in text or "@auth/core" in text]
        return SeenAuth(
            f"{'NextAuth' if version == 4 else 'Auth.js'} {version}",
            version,
            f"{base}/api/auth",
            next((found[1] for text in own if (found := PAGE.search(text))), ""),
            tuple(sorted({name for text in own for name in PROVIDER.findall(text)} - GENERIC)),
            any(_takes_a_password(text) for text in own),
        )
    other = next((words for name, words in OTHERS.items() if name in wants), "")
    return SeenAuth(other) if other else None


def _fields(options: str) -> set[str]:
    """The fields that a provider's options describe, or that its ``authorize`` takes apart."""
    taken = TAKEN.search(options)
    return {*FIELD.findall(options), *(re.findall(r"\w+", taken[1]) if taken else ())}


def _takes_a_password(text: str) -> bool:
    """Whether a credentials provider with the usual id has the fields ``email`` and ``password``."""
    for found in CREDENTIALS.finditer(text):
        after = CREDENTIALS.search(text, found.end())
        options = text[found.end() : min(found.end() + REACH, after.start() if after else len(text))]
        named = OWN_ID.search(options)
        if (not named or named[1] == "credentials") and {"email", "password"} <= _fields(options):
            return True
    return False

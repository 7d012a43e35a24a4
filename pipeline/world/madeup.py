"""Makes up what an app finds in its environment in the sandbox: values of the right shape that open nothing."""

import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from checks.policy import RequiredVariable

EXAMPLES = (".env.example", ".env.sample", ".env.template", ".env.dist")
LINE = re.compile(r"""^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*(?:"([^"]*)"|'([^']*)'|([^#\n]*))""", re.M)
OURS = re.compile(r"^# What (the deployment runbooks|\S+ reads beside deploy\.yml)", re.M)
"""How the line begins below which ``.env.example`` names what this tool reads, and not the app."""
SANDBOX = {
    "R2_BUCKET": "lms-uploads",
    "R2_ENDPOINT": "http://{{R2}}",
    "UPSTASH_REDIS_REST_URL": "http://{{UPSTASH}}",
    "SENTRY_DSN": "http://0123456789abcdef0123456789abcdef@{{SENTRY}}/4508",
}
"""What the sandbox has for an app that wants it."""
PLACEHOLDER = re.compile(r"^$|[<>…]|\.\.\.|x{3,}|your|change|replace|secret|todo|example", re.I)
LEAST = 32


def named_in(folder: Path) -> dict[str, str]:
    """Name → value of the variables in the example file of the app's folder, as it has them; none when it has none."""
    text = next((path.read_text(errors="replace") for name in EXAMPLES if (path := folder / name).is_file()), "")
    found = LINE.findall(OURS.split(text)[0])
    return {name: (quoted or single or plain).strip() for name, quoted, single, plain in found}


def made_up(named: Mapping[str, str], required: Iterable[RequiredVariable]) -> dict[str, str]:
    """Give each variable a value: the example's own where it says something, else one of its shape or its name.

    Auth.js 5 is told its address: a build for the platform takes every site for one with TLS, and there is none here.
    """
    shapes = {one.name: one for one in required}
    names = dict.fromkeys([*named, *shapes])
    if "AUTH_SECRET" in names and not {"AUTH_URL", "NEXTAUTH_URL"} & {*names}:
        names["AUTH_URL"] = None
    return {name: _value(name, named.get(name, ""), shapes.get(name) or RequiredVariable(name)) for name in names}


def _value(name: str, example: str, wanted: RequiredVariable) -> str:
    if name in SANDBOX:
        return SANDBOX[name]
    if wanted.shape == "postgres" or example.startswith(("postgres:", "postgresql:", "prisma+postgres:")):
        return "{{DATABASE_URL}}"
    if wanted.shape == "any" and re.fullmatch(r"(DATABASE|DIRECT|POSTGRES\w*|SHADOW_DATABASE)_(PRISMA_)?URL\w*", name):
        return "{{DATABASE_URL}}"
    if wanted.shape == "secret" or re.search(r"(SECRET|TOKEN|PASSWORD|_KEY|_SALT)(_\w+)?$", name):
        return secrets.token_hex(max(LEAST, wanted.min_length) // 2 + 1)
    if wanted.shape == "url" or name.endswith(("_URL", "_URI", "_ORIGIN")):
        own = re.search(r"(NEXTAUTH|AUTH|APP|SITE|BASE|PUBLIC)_(URL|URI|ORIGIN)$", name) or "localhost" in example
        return "http://{{PRODUCTION}}" if own else "https://made-up.invalid"
    if not PLACEHOLDER.search(example):
        return example
    if re.search(r"(EMAIL|FROM|MAIL)$", name):
        return "someone@made-up.invalid"
    return secrets.token_hex(max(LEAST, wanted.min_length) // 2)

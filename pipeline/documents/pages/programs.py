"""The programs that the by-hand commands of a page want: how to get each, and how to log in to it."""

import re

from pipeline.config.tools import pinned_vercel

VERCEL = f"npm package vercel, version {pinned_vercel()} as `./inv build.tools` installs it"
PROGRAMS: dict[str, tuple[str, str]] = {
    "vercel": (VERCEL, "`vercel login`, then `vercel link` in the app's folder; or VERCEL_TOKEN in the environment"),
    "gh": ("<https://cli.github.com>, version 2", "`gh auth login`, or GH_TOKEN in the environment"),
    "git": ("it is there on most machines; <https://git-scm.com>", "nothing: the commands only read"),
    "psql": ("the Postgres client, of the server's major version or newer", "the address has the password in it"),
    "pg_dump": ("comes with psql; of the server's major version or newer", "as psql"),
    "npx prisma": (
        "comes with the app's own packages, at the app's version; the lines are those of Prisma 7",
        "nothing: it reads the address from `prisma.config.ts`, with Prisma 6 from DATABASE_URL",
    ),
    "sentry-cli": ("npm package @sentry/cli, version 3", "SENTRY_AUTH_TOKEN in the environment"),
    "aws": ("<https://aws.amazon.com/cli/>, version 2", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: R2's keys"),
    "curl": ("it is there on most machines; <https://curl.se>", "nothing: tokens stand in the commands"),
}
"""Program → where it comes from and for which version the commands are, and how to log in."""


def programs_in(text: str) -> list[tuple[str, str, str]]:
    """The programs that stand in the commands of ``text``, each with its row of PROGRAMS."""
    return [
        (f"`{name}`", *row)
        for name, row in PROGRAMS.items()
        if re.search(rf"(?:^|`|; |&& |\| |\$\()(?:[A-Z_]+=\S+ )*{re.escape(name)} ", text, re.MULTILINE)
    ]

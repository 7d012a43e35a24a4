"""What the doctor says: one line a subject, and for a secret the page, the smallest scopes and the line to paste."""

from collections.abc import Iterable
from dataclasses import dataclass

from checks.gate import Finding, Verdict
from pipeline.handbook.exits import EXIT_CODES
from pipeline.world.secrets import OPTIONAL, SECRETS, STATE

PAGES = {
    "VERCEL_TOKEN": "https://vercel.com/account/settings/tokens",
    "GITHUB_TOKEN": "https://github.com/settings/personal-access-tokens/new",
    "SENTRY_AUTH_TOKEN": "https://sentry.io/settings/auth-tokens/",
    "BETTERSTACK_API_TOKEN": "https://betterstack.com/settings/global-api-tokens",
    "DIRECT_URL": "https://console.neon.tech",
    "NEON_API_KEY": "https://console.neon.tech/app/settings/api-keys",
    "CLOUDFLARE_API_TOKEN": "https://dash.cloudflare.com/profile/api-tokens",
    "UPSTASH_REDIS_REST_URL": "https://console.upstash.com",
    "UPSTASH_REDIS_REST_TOKEN": "https://console.upstash.com",
    "UPSTASH_API_KEY": "https://console.upstash.com/account/api",
    "GOOGLE_API_KEY": "https://console.cloud.google.com/apis/credentials",
}
"""Secret → the page that it is made on, where that is one for all."""
SCOPES = {
    "VERCEL_TOKEN": "scope: the team that owns the project; its person: Owner, Member or Project Administrator",
    "GITHUB_TOKEN": "this repository only; Deployments: write; Contents, Pull requests, Actions, Checks, "
    "Commit statuses, Environments, Code scanning alerts, Dependabot alerts: read",
    "SENTRY_AUTH_TOKEN": "event:read, org:read, project:releases",
    "BETTERSTACK_API_TOKEN": "Uptime, of the team that has the monitor",
    "NEON_API_KEY": "of this project",
    "R2_ACCESS_KEY_ID": "Object Read & Write, on this bucket",
    "CLOUDFLARE_API_TOKEN": "Account Analytics: Read",
    "UPSTASH_REDIS_REST_TOKEN": "the standard token, not the read-only one",
    "GOOGLE_API_KEY": "restricted to the Chrome UX Report API",
}
"""Secret → the least that it has to be allowed."""
ON_GITHUB = {"GITHUB_TOKEN": "DEPLOY_GITHUB_TOKEN"}
"""Secret → its name among GitHub's secrets, where none may begin with GITHUB_."""


@dataclass(frozen=True)
class Symptom:
    """One line of the doctor's: ``subject`` ``says``, of a service, and how to mend it.

    ``page``, ``scopes`` and ``paste`` are for a secret that is missing or wrong, else empty.
    """

    service: str
    verdict: Verdict
    subject: str
    says: str
    fix: str = ""
    unused: str = ""
    """Why this service is not looked at: nobody uses it here. All of those are one line for a person."""

    @property
    def secret(self) -> str:
        """The secret that is to be made anew; empty when the line is about something else, or all is well."""
        known = {*SECRETS, *OPTIONAL, STATE}
        return self.subject if self.subject in known and self.verdict is not Verdict.PASS else ""

    @property
    def page(self) -> str:
        return PAGES.get(self.secret, "")

    @property
    def scopes(self) -> str:
        return SCOPES.get(self.secret, "")

    @property
    def paste(self) -> str:
        """The line for ``.env``, and the command that sets it for the workflows."""
        name = self.secret
        return f"{name}=… in .env; gh secret set {ON_GITHUB.get(name, name)}" if name else ""

    @property
    def plain(self) -> dict[str, str]:
        """For JSON: every part, and the verdict as a word."""
        return {
            "service": self.service, "verdict": self.verdict.word, "subject": self.subject, "says": self.says,
            "fix": self.fix, "page": self.page, "scopes": self.scopes, "paste": self.paste,
        }  # fmt: skip


def of_findings(service: str, label: str, well: str, findings: Iterable[Finding]) -> tuple[Symptom, ...]:
    """The lines for what a gate found; ``label`` ``well`` when it found nothing.

    A secret that a service refuses is wrong here and not merely unknown: nothing else was asked.
    """
    found = []
    for one in findings:
        refused = one.verdict is Verdict.UNKNOWN and one.subject in {*SECRETS, *OPTIONAL}
        verdict = Verdict.BLOCK if refused or one.verdict is Verdict.NOT_YET else one.verdict
        found.append(Symptom(service, verdict, one.subject, one.says, one.fix))
    return tuple(found) or (Symptom(service, Verdict.PASS, label, well),)


def not_set(service: str, name: str, *, wanted: bool) -> Symptom:
    """A secret that is not there: ``wanted``, a run needs it; else only its readings are unknown without it."""
    where = SECRETS.get(name) or OPTIONAL.get(name, "")
    if wanted:
        return Symptom(service, Verdict.BLOCK, name, "is not set", where)
    return Symptom(service, Verdict.WARN, name, "is not set, so what it is for is not seen", where)


def exit_code(symptoms: Iterable[Symptom]) -> int:
    """0: all well, warnings included. 1: something is missing or wrong. 14: that is all, and something was not seen."""
    worst = max((one.verdict for one in symptoms), default=Verdict.PASS)
    if worst is Verdict.UNKNOWN:
        return EXIT_CODES["something could not be read"]
    return int(worst.stops)

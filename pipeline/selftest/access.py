"""How the gates of ``checks.access`` are made to stop."""

from dataclasses import replace
from urllib.parse import urlsplit

from checks import access
from checks.policy import UptimePolicy
from pipeline.sandbox.schema import set_password
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.lab import Lab


def _reads_only(lab: Lab) -> None:
    lab.patch(sentry={"scopes": ["event:read", "org:read"]})


def _with_scopes(lab: Lab) -> None:
    lab.patch(sentry={"scopes": ["event:read", "org:read", "project:releases"]})


def _of_another_team(lab: Lab) -> None:
    lab.require(UptimePolicy, monitor="999999")


def _the_right_one(lab: Lab) -> None:
    lab.require(UptimePolicy, monitor=lab.state(lambda state: state.betterstack.monitor))


def _password_changed(lab: Lab) -> None:
    lab.change(lambda sandbox: set_password(sandbox.core.database_url, "another-password"))


def _password_right(lab: Lab) -> None:
    lab.change(lambda sandbox: set_password(sandbox.core.database_url, sandbox.state.student["password"]))


def _a_developers(lab: Lab) -> None:
    lab.patch(vercel={"role": "DEVELOPER"})


def _an_owners(lab: Lab) -> None:
    lab.patch(vercel={"role": "OWNER"})


def _rolled(lab: Lab) -> None:
    lab.change(lambda sandbox: setattr(sandbox.state.r2, "secret_access_key", "f" * 64))


def _set_anew(lab: Lab) -> None:
    known = lab.settings.secrets["R2_SECRET_ACCESS_KEY"]
    lab.change(lambda sandbox: setattr(sandbox.state.r2, "secret_access_key", known))


def _looks_only(lab: Lab) -> None:
    lab.patch(upstash={"read_only": True})


def _counts(lab: Lab) -> None:
    lab.patch(upstash={"read_only": False})


def _removed(lab: Lab) -> None:
    path = urlsplit(lab.settings.secrets["NOTIFY_WEBHOOK_URL"]).path
    lab.change(lambda sandbox: sandbox.state.gone_webhooks.append(path))


def _made_anew(lab: Lab) -> None:
    lab.change(lambda sandbox: sandbox.state.gone_webhooks.clear())


def _protected(lab: Lab) -> None:
    lab.patch(vercel={"protection": True, "bypass_secret": "secret-of-the-lab"})


def _let_through(lab: Lab) -> None:
    secrets = {**lab.settings.secrets, "VERCEL_AUTOMATION_BYPASS_SECRET": "secret-of-the-lab"}
    lab.settings = replace(lab.settings, secrets=secrets)


BREAKAGES = (
    Breakage(
        access.protection_lets_us_in,
        "state",
        "Deployment Protection is switched on",
        _protected,
        "copy the one that is there, and set `VERCEL_AUTOMATION_BYPASS_SECRET`",
        _let_through,
    ),
    Breakage(
        access.sentry_may_be_used,
        "state",
        "Sentry's token may read and nothing else",
        _reads_only,
        "Make a token with these scopes",
        _with_scopes,
    ),
    Breakage(
        access.monitor_is_known,
        "policy",
        "deploy.yml names a monitor that the team has not",
        _of_another_team,
        "mend `uptime.monitor`",
        _the_right_one,
    ),
    Breakage(
        access.smoke_user_can_sign_in,
        "state",
        "somebody has changed the smoke student's password",
        _password_changed,
        "Set `SMOKE_EMAIL` and `SMOKE_PASSWORD` to an account that works",
        _password_right,
    ),
    Breakage(
        access.vercel_may_promote,
        "state",
        "the token's person was made a Developer",
        _a_developers,
        "give this one's person the role",
        _an_owners,
    ),
    Breakage(
        access.storage_may_be_used,
        "state",
        "R2's token was rolled, and this machine has the old one",
        _rolled,
        "set `R2_ACCESS_KEY_ID` and `R2_SECRET_ACCESS_KEY`, both of it",
        _set_anew,
    ),
    Breakage(
        access.redis_may_be_used,
        "state",
        "it is the read-only token",
        _looks_only,
        "Set `UPSTASH_REDIS_REST_TOKEN` to the standard token of the database",
        _counts,
    ),
    Breakage(
        access.people_can_be_told,
        "state",
        "somebody has removed the channel's webhook",
        _removed,
        "Make a new webhook and set the variable",
        _made_anew,
    ),
)

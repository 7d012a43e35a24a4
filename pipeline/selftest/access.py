"""How the gates of ``checks.access`` are made to stop."""

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


BREAKAGES = (
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
        access.student_can_sign_in,
        "state",
        "somebody has changed the smoke student's password",
        _password_changed,
        "Set `SMOKE_EMAIL` and `SMOKE_PASSWORD` to an account that works",
        _password_right,
    ),
)

"""How the gates of ``checks.auth`` are made to stop."""

from checks import auth
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.hands import before_live, live, move, remove_variable, set_variable
from pipeline.selftest.lab import Lab


def _breaks_with_the_release(lab: Lab) -> None:
    lab.fault(f"app answer status=500 deployment={live(lab)} /api/auth/session")


def _rolled_back(lab: Lab) -> None:
    move(lab, "rollback", before_live(lab))


def _removed(lab: Lab) -> None:
    remove_variable(lab, "NEXTAUTH_SECRET")


def _set_again(lab: Lab) -> None:
    set_variable(lab, "NEXTAUTH_SECRET", "k" * 44)


BREAKAGES = (
    Breakage(
        auth.auth_answers,
        "fault",
        "the session endpoint of the live deployment answers 500",
        _breaks_with_the_release,
        "`vercel rollback $PREVIOUS` when it began with a release",
        _rolled_back,
    ),
    Breakage(
        auth.auth_is_set_up,
        "state",
        "somebody removes NEXTAUTH_SECRET on Vercel",
        _removed,
        "`openssl rand -base64 33 | vercel env add NEXTAUTH_SECRET production`",
        _set_again,
    ),
)

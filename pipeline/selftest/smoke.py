"""How the gates of ``checks.smoke`` are made to stop."""

from checks import smoke
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.hands import bad_in_production, repaired, shipping

AGAIN = "ship the new commit with `--over-rollback`"

BREAKAGES = (
    Breakage(
        smoke.routes_answer, "release", "a page of the release answers 200 with an error page", shipping("error-page"),
        "fix it and start a new run", shipping(), run="preview",
    ),
    Breakage(
        smoke.journeys_work, "release", "nobody can sign in to the release", shipping("broken-login"),
        "fix the code, and start a new run", shipping(), run="preview",
    ),
    Breakage(
        smoke.production_routes_answer, "release", "the sign-in page answers 500 on the production domain only",
        bad_in_production("/login"), AGAIN, repaired, run="deploy",
    ),
    Breakage(
        smoke.production_journeys_work, "release", "signing in answers 500 on the production domain only",
        bad_in_production("/api/auth/callback/credentials"), AGAIN, repaired, run="deploy",
    ),
)  # fmt: skip

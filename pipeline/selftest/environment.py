"""How the gates of ``checks.environment`` are made to stop."""

from checks import environment
from checks.policy import EnvironmentPolicy
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.hands import FUNCTION, remove_variable, require, set_variable, shipping, together, waived
from pipeline.selftest.lab import Lab


def _removed(lab: Lab) -> None:
    remove_variable(lab, "NEXTAUTH_SECRET")


def _put_back(lab: Lab) -> None:
    set_variable(lab, "NEXTAUTH_SECRET", lab.kept["NEXTAUTH_SECRET"])


def _placeholder(lab: Lab) -> None:
    set_variable(lab, "NEXTAUTH_URL", "changeme")


def _right_value(lab: Lab) -> None:
    set_variable(lab, "NEXTAUTH_URL", f"http://{lab.settings.domain}")


def _changed_after_the_build(lab: Lab) -> None:
    lab.clock.move(60)
    set_variable(lab, "NEXT_PUBLIC_SITE", "https://lms.example.com")


def _a_minute_later(lab: Lab) -> None:
    lab.clock.move(60)
    shipping()(lab)


def _somebody_changes_a_secret(lab: Lab) -> None:
    set_variable(lab, "NEXTAUTH_SECRET", "x" * 44)


def _reads_what_nobody_set(lab: Lab) -> None:
    shipping(edits={f"{FUNCTION}/pay.py": lambda _: 'from os import environ\nKEY = environ["STRIPE_KEY"]\n'})(lab)


def _set_for_all(lab: Lab) -> None:
    set_variable(lab, "STRIPE_KEY", "sk_live_of_the_lab")


BREAKAGES = (
    Breakage(
        environment.required_variables, "state", "somebody removes NEXTAUTH_SECRET on Vercel", _removed,
        "Add the variable in Vercel", _put_back,
    ),
    Breakage(
        environment.variables_have_shape, "state", "NEXTAUTH_URL is `changeme` on Vercel", _placeholder,
        "Set the right value with `vercel env rm` and `vercel env add`", _right_value,
    ),
    Breakage(
        environment.built_in_values_are_current, "state", "a NEXT_PUBLIC_ variable is set a minute after the build",
        _changed_after_the_build, "Build again with what is set now", _a_minute_later,
    ),
    Breakage(
        environment.was_built_with_what_is_set, "release", "a key that was removed on Vercel stands in the pulled file",
        shipping(edits={".vercel/.env.production.local": lambda _: 'STRIPE_KEY="sk_live_of_the_lab"\n'}),
        "Build again with what is set now", shipping(),
    ),
    Breakage(
        environment.changes_are_known, "policy", "`environment.strict`, and somebody has changed NEXTAUTH_SECRET",
        together(require(EnvironmentPolicy, strict=True), _somebody_changes_a_secret),
        "if it is meant, waive this gate for that variable", waived("environment.changes-are-known", "NEXTAUTH_SECRET"),
    ),
    Breakage(
        environment.what_code_reads_is_set, "release", "`environment.strict`, and the code reads a variable nobody set",
        together(require(EnvironmentPolicy, strict=True), _reads_what_nobody_set),
        "name it under `environment.optional` in `deploy.yml`", require(EnvironmentPolicy, optional=("STRIPE_KEY",)),
    ),
    Breakage(
        environment.what_code_reads_is_set, "release",
        "`environment.strict`, and the code reads what only its developer has set",
        together(require(EnvironmentPolicy, strict=True), _reads_what_nobody_set), "Set the variable", _set_for_all,
    ),
)  # fmt: skip

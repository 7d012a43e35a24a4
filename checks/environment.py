"""Does the target have what the release reads?"""

from checks.evidence import EnvironmentVariables, Variable
from checks.gate import Findings, block, gate, warn
from checks.policy import EnvironmentPolicy


@gate(owner="platform")
def required_variables(policy: EnvironmentPolicy, seen: EnvironmentVariables) -> Findings:
    """Every variable the release requires is set on the target.

    Why: A missing variable becomes a 500 on the first request that reads it, and by then traffic has moved.

    By hand:
        Run `vercel env ls $TARGET`.
        Every name under `environment.required` in `deploy.yml` must be listed.

    If it fails: Add the variable in Vercel, then start a new run. A variable reaches only deployments built after
        it was set, so asking this gate again is not enough.
    """
    for wanted in policy.required:
        if wanted.name not in seen.names:
            yield block(wanted.name, f"is not set on {seen.target}", fix=f"vercel env add {wanted.name} {seen.target}")


required_variables.stops_when("a required variable is missing", lambda p, s: (p, s.without("DATABASE_URL")))


@gate(owner="platform")
def variables_have_shape(policy: EnvironmentPolicy, seen: EnvironmentVariables) -> Findings:
    """Every required variable whose value can be read has the right shape and is no placeholder.

    Why: `vercel env ls` shows "Encrypted" for an empty string and for `changeme` alike.

    By hand:
        Run `vercel env pull --environment=$TARGET .env.check`, look at each name under `environment.required`
        in `deploy.yml`, then `rm .env.check`.

    If it fails: Set the right value with `vercel env rm` and `vercel env add`, then start a new run.
    """
    wanted = {variable.name: variable for variable in policy.required}
    for variable in seen.variables:
        if variable.name not in wanted:
            continue
        rule = wanted[variable.name]
        fix = f"vercel env rm {rule.name} {seen.target} --yes && vercel env add {rule.name} {seen.target}"
        if not variable.readable:
            if rule.shape != "any":
                yield warn(rule.name, "is of Vercel's sensitive type, so its shape cannot be seen")
        elif variable.length == 0:
            yield block(rule.name, "is set to an empty string", fix=fix)
        elif "placeholder" in variable.shapes:
            yield block(rule.name, "still holds a placeholder", fix=fix)
        elif variable.length < rule.min_length:
            yield block(rule.name, f"has {variable.length} characters, fewer than {rule.min_length}", fix=fix)
        elif rule.shape in ("url", "postgres", "email") and rule.shape not in variable.shapes:
            yield block(rule.name, f"does not look like a {rule.shape} value", fix=fix)


def _replace(seen: EnvironmentVariables, variable: Variable) -> EnvironmentVariables:
    return EnvironmentVariables(seen.target, (*seen.without(variable.name).variables, variable))


variables_have_shape.stops_when(
    "a variable is empty", lambda p, s: (p, _replace(s, Variable("NEXTAUTH_SECRET", readable=True, length=0)))
)
variables_have_shape.stops_when(
    "the database URL is no URL",
    lambda p, s: (p, _replace(s, Variable("DATABASE_URL", readable=True, length=20))),
)
variables_have_shape.stops_when(
    "a placeholder was never filled in",
    lambda p, s: (
        p,
        _replace(s, Variable("NEXTAUTH_SECRET", readable=True, length=40, shapes=frozenset({"placeholder"}))),
    ),
)

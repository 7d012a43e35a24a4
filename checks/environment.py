"""Asks whether the target has the variables that the release reads, as the release was built with."""

from dataclasses import replace

from checks.evidence import (
    BuildOutput,
    ChangedVariables,
    EnvironmentVariables,
    PulledVariables,
    ReadVariables,
    Variable,
)
from checks.gate import Findings, block, gate, warn
from checks.policy import EnvironmentPolicy
from checks.values import doubtful, wrong

PUBLIC = "NEXT_PUBLIC_"


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
    others = dict(seen.elsewhere)
    branches = {variable.name: variable.branch for variable in seen.variables if variable.branch}
    for wanted in policy.required:
        if wanted.name in seen.names:
            continue
        says = f"is not set on {seen.target}"
        if wanted.name in branches:
            says = f"is set on {seen.target} for the branch {branches[wanted.name]} only"
        elif wanted.name in others:
            says += f", only on {', '.join(others[wanted.name])}"
        yield block(wanted.name, says, fix=f"vercel env add {wanted.name} {seen.target}")


required_variables.stops_when("a required variable is missing", lambda p, s: (p, s.without("DATABASE_URL")))
required_variables.stops_when(
    "a required variable is set for one branch only",
    lambda p, s: (p, _replace(s, Variable("DATABASE_URL", readable=True, length=70, branch="staging"))),
)


@gate(owner="platform")
def variables_have_shape(policy: EnvironmentPolicy, seen: EnvironmentVariables) -> Findings:
    """Every required variable whose value can be read has the right shape and is the right one of its kind.

    Why: `vercel env ls` shows "Encrypted" for an empty string and for `changeme` alike. A newline or quotes that were
        pasted along are part of the value; sign-in fails at another host's address, and a pooler breaks migrations.

    By hand:
        Run `vercel env pull --environment=$TARGET .env.check`, look at each name under `environment.required`
        in `deploy.yml`, then `rm .env.check`.

    If it fails: Set the right value with `vercel env rm` and `vercel env add`, and paste it at the prompt; then start a
        new run.
    """
    wanted = {variable.name: variable for variable in policy.required}
    for variable in seen.variables:
        if variable.name in wanted:
            rule = wanted[variable.name]
            fix = f"vercel env rm {rule.name} {seen.target} --yes && vercel env add {rule.name} {seen.target}"
            where = f" for the branch {variable.branch}" if variable.branch else ""
            if not variable.readable:
                if rule.shape != "any":
                    yield warn(rule.name, "is of Vercel's sensitive type, so its shape cannot be seen")
                continue
            says = next(wrong(rule, variable, seen), "")
            if says:
                yield block(rule.name, says + where, fix=fix)
            else:
                yield from (warn(rule.name, doubt + where, fix=fix) for doubt in doubtful(variable, seen))


def _replace(seen: EnvironmentVariables, variable: Variable) -> EnvironmentVariables:
    return replace(seen, variables=(*seen.without(variable.name).variables, variable))


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
variables_have_shape.stops_when(
    "the database URL would do without TLS",
    lambda p, s: (
        replace(p, required=(replace(p.required[0], sslmode="require"),)),
        _replace(s, Variable("DATABASE_URL", True, 70, frozenset({"postgres", "url"}), sslmode="prefer")),
    ),
)
variables_have_shape.stops_when(
    "the database URL points to another host",
    lambda p, s: (
        replace(p, required=(replace(p.required[0], host=".neon.tech"),)),
        _replace(s, Variable("DATABASE_URL", True, 70, frozenset({"postgres", "url"}), host="localhost")),
    ),
)


variables_have_shape.stops_when(
    "a newline was pasted along",
    lambda p, s: (p, _replace(s, Variable("NEXTAUTH_SECRET", True, 45, frozenset({"newline"})))),
)
variables_have_shape.stops_when(
    "the address of the site is another site's",
    lambda p, s: (
        p,
        replace(
            _replace(s, Variable("NEXTAUTH_URL", True, 30, frozenset({"url"}), host="lms-git-fix.vercel.app")),
            serving=("lms.example.com",),
        ),
    ),
)


@gate(owner="platform")
def built_in_values_are_current(output: BuildOutput, seen: EnvironmentVariables) -> Findings:
    """No `NEXT_PUBLIC_` variable was changed after the release was built.

    Why: `next build` writes their values into the JavaScript. A later change reaches nobody, however often the release
        is deployed.

    By hand: Run `vercel env ls $TARGET` and compare when the `NEXT_PUBLIC_` ones were changed with the date of
        `.vercel/output/config.json`.

    If it fails: Build again with what is set now,
        `rm -f .vercel/.env.production.local && vercel pull --yes --environment=production && vercel build --prod`, then
        start a new run.
    """
    for variable in seen.variables:
        if variable.name.startswith(PUBLIC) and 0 < output.built_at < variable.updated:
            yield block(
                variable.name,
                "was changed after the release was built with its old value",
                fix=_anew(seen.target),
            )


built_in_values_are_current.stops_when(
    "a public variable was changed after the build",
    lambda o, s: (
        replace(o, built_at=1_000),
        _replace(s, Variable("NEXT_PUBLIC_SITE", readable=True, length=20, updated=2_000)),
    ),
)


def _anew(target: str) -> str:
    """How to build with what is set now: the pulled file is removed, because pulling only adds to it."""
    prod = " --prod" if target == "production" else ""
    return f"rm -f .vercel/.env.{target}.local && vercel pull --yes --environment={target} && vercel build{prod}"


@gate(owner="platform")
def was_built_with_what_is_set(seen: PulledVariables, env: EnvironmentVariables) -> Findings:
    """The release was built with the values that are set on the target now, and with no stand-in for one.

    Why: Pulling adds to the file that is there, so a key that was removed on Vercel lives on in the next build; without
        `--environment` it fetches development's values; and in place of a sensitive value it writes [SENSITIVE], which
        the build takes for the value.

    By hand: Run `vercel env ls $TARGET` and compare the names with those in the pulled file,
        `cut -d= -f1 .vercel/.env.production.local`. Search `.vercel/output` for the text [SENSITIVE]: it stands nowhere.

    If it fails: Build again with what is set now,
        `rm -f .vercel/.env.production.local && vercel pull --yes --environment=production && vercel build --prod`, then
        start a new run. A variable that the build reads must not be of the sensitive type.
    """
    public = [name for name in sorted(env.names) if name.startswith(PUBLIC)]
    if seen.other and public:
        yield block(
            seen.other,
            f"was pulled, and nothing for {env.target}: {', '.join(public)} {'was' if len(public) == 1 else 'were'} built in with other values, or none",
            fix=_anew(env.target),
        )
    for name in seen.removed:
        yield block(name, f"is not set on {env.target} any more; the build had its old value", fix=_anew(env.target))
    for name in seen.outdated:
        yield block(name, "was built in with another value than is set now", fix=_anew(env.target))
    for name in seen.hidden:
        if name.startswith(PUBLIC):
            says = "is of Vercel's sensitive type, so [SENSITIVE] was built in; everybody sees it anyway"
            yield block(name, says, fix=f"vercel env rm {name} {env.target} && vercel env add {name} {env.target}")
    for file in seen.built_in:
        yield block(file, f"holds [SENSITIVE] where a value belongs: one of {', '.join(seen.hidden)}")
    for name in seen.disputed:
        yield warn(name, "holds a double quote or a dollar sign: what reads the pulled file does not agree what it is")


was_built_with_what_is_set.stops_when(
    "a removed key stands in the pulled file", lambda s, e: (replace(s, removed=("STRIPE_KEY",)), e)
)
was_built_with_what_is_set.stops_when(
    "a public value was changed on Vercel", lambda s, e: (replace(s, outdated=("NEXT_PUBLIC_SITE",)), e)
)
was_built_with_what_is_set.stops_when(
    "a public variable is of the sensitive type", lambda s, e: (replace(s, hidden=("NEXT_PUBLIC_SITE",)), e)
)
was_built_with_what_is_set.stops_when(
    "a page was made with the stand-in",
    lambda s, e: (replace(s, hidden=("CMS_TOKEN",), built_in=(".vercel/output/static/index.html",)), e),
)
was_built_with_what_is_set.stops_when(
    "development's values were pulled",
    lambda s, e: (
        replace(s, file="", other=".vercel/.env.development.local"),
        _replace(e, Variable("NEXT_PUBLIC_SITE", readable=True, length=20)),
    ),
)


@gate(owner="platform")
def changes_are_known(policy: EnvironmentPolicy, seen: ChangedVariables) -> Findings:
    """Values that differ from those the live build has are named.

    Why: A deployment keeps the values it was made with. What was changed on Vercel since then takes effect with this
        release, and goes away again with a rollback.

    By hand: Run `vercel env ls $TARGET` and look for what was changed since the live deployment was made.

    If it fails: It only warns unless `environment.strict` is set. Ask whoever changed the value: if it is meant,
        waive this gate for that variable in `deploy.yml`; if not, set it back on Vercel. Either way start a new run.
    """
    for name in seen.names:
        said = block if policy.strict else warn
        yield said(name, "has another value than the live build; it takes effect with this release")


changes_are_known.stops_when(
    "somebody changed a secret, and the policy is strict",
    lambda p, s: (replace(p, strict=True), replace(s, names=("NEXTAUTH_SECRET",))),
)


@gate(owner="developer")
def what_code_reads_is_set(policy: EnvironmentPolicy, env: EnvironmentVariables, seen: ReadVariables) -> Findings:
    """Every variable that the code reads is set on the target, or is named as optional.

    Why: The list of required variables is kept by people; the code knows better.

    By hand: Run `grep -rhoE 'process\\.env\\.[A-Z0-9_]+' app src lib | sort -u` and compare with `vercel env ls $TARGET`.

    If it fails: It only warns unless `environment.strict` is set, because code may do without. Set the variable, or name it under `environment.optional`
        in `deploy.yml`; under `environment.required` a missing one stops the run.
    """
    known = env.names | {wanted.name for wanted in policy.required} | set(policy.optional)
    for name, file in seen.names:
        if name not in known:
            said = block if policy.strict else warn
            yield said(
                name, f"is read by {file} but not set on {env.target}", fix=f"vercel env add {name} {env.target}"
            )


what_code_reads_is_set.stops_when(
    "the code reads what nobody set, and the policy is strict",
    lambda p, e, s: (replace(p, strict=True), e, replace(s, names=(("STRIPE_KEY", "app/pay/route.ts"),))),
)

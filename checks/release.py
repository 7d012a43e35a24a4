"""Asks where the release stands on Vercel, and whether a rollback is possible."""

from dataclasses import replace

from checks.evidence import (
    Build,
    BuildOutput,
    DeploymentsUnderWay,
    Production,
    ProductionBefore,
    Release,
    RollbackTarget,
    StagedDeployment,
    VercelProject,
)
from checks.gate import Findings, block, gate, not_yet, warn
from checks.limits import due_too_often, past_limits
from checks.policy import BuildPolicy
from checks.production import apart, behind, hooked, lasts, pinned


@gate(owner="release manager")
def nothing_under_way(seen: DeploymentsUnderWay) -> Findings:
    """No other production deployment is being built.

    Why: Two releases at once make it chance which of them wins, and no smoke test can say which one it tested.

    By hand: Run `vercel ls --environment production` and look for `Building` or `Queued`.

    If it fails: Wait for it, or stop it with `vercel remove $DEPLOYMENT` when you know whose it is.
    """
    for deployment in seen.ids:
        yield not_yet(deployment, "is being built for production", fix=f"vercel inspect {deployment} --wait")


nothing_under_way.stops_when("a colleague is deploying", lambda s: (DeploymentsUnderWay(("dpl_colleague",)),))


@gate(owner="release manager")
def is_not_pinned(policy: BuildPolicy, release: Release, seen: VercelProject) -> Findings:
    """Production is not pinned by an earlier rollback.

    Why: Somebody rolled back for a reason. Vercel keeps production where it is until a promotion, and a deploy that
        promotes over it brings the incident back.

    By hand:
        Run `vercel api /v9/projects/$PROJECT --raw` and look at `autoAssignCustomDomains`: `false` means pinned,
        unless the team keeps it off on purpose; then `lastAliasRequest.type` says `rollback`.
        The dashboard shows the same under Deployments.

    If it fails: Find out why production was rolled back. When this release fixes it, run again with
        `--over-rollback`; promoting lifts the pin.
    """
    if seen.auto_assign is None:
        yield block(seen.id, "does not say whether a rollback pinned it, and no answer is not a no")
    elif not pinned(policy, seen):
        return
    elif release.over_rollback:
        yield warn("production", "is pinned by an earlier rollback and will be promoted over, as you said")
    else:
        yield block("production", "is pinned by an earlier rollback", fix="./inv deploy --over-rollback")


is_not_pinned.stops_when("production was rolled back", lambda p, r, s: (p, r, VercelProject(s.id, False)))
is_not_pinned.stops_when("Vercel leaves the field out", lambda p, r, s: (p, r, VercelProject(s.id, None)))
is_not_pinned.stops_when(
    "production was rolled back, and pushes never move it anyway",
    lambda p, r, s: (BuildPolicy("git"), r, VercelProject(s.id, False, "rollback")),
)


@gate(owner="release manager")
def builds_move_nothing(policy: BuildPolicy, seen: VercelProject) -> Findings:
    """A build cannot move a production domain.

    Why: Everything after the build rests on users not seeing the release. Uploads say so for themselves; a push obeys
        the project's switch, and every promotion switches it on again. A project that is connected to Git and assigns
        domains by itself ships every push past all gates: a warning when releases are uploaded, as the push was before.

    By hand: Run `vercel api /v9/projects/$PROJECT --raw` and look at `autoAssignCustomDomains`: with `build.by: git` it
        must be `false`. Else `link` is missing, or has no `deployHooks` and `vercel.json` keeps pushes from being built.

    If it fails: When releases are uploaded, stop Vercel from building pushes: put
        `"git": {"deploymentEnabled": {"main": false}}` into `vercel.json`, or disconnect the repository in the project's
        settings under Git; a deploy hook does not go by that file: delete it there. With `build.by: git` run `vercel api -X PATCH /v9/projects/$PROJECT -F autoAssignCustomDomains=false`, or switch
        "Auto-assign Custom Production Domains" off in the project's settings, then push again.
    """
    if policy.by == "git" and seen.auto_assign is not False:
        yield block(
            seen.id,
            "gives production domains to every push as soon as it is built",
            fix=f"vercel api -X PATCH /v9/projects/{seen.id} -F autoAssignCustomDomains=false",
        )
    elif seen.pushes_go_live:
        yield warn(
            seen.id,
            "ships every push to the production branch by itself, past all of this: it is connected to Git and assigns "
            "domains by itself",
            fix='"git": {"deploymentEnabled": {"main": false}} in vercel.json, or disconnect it (Settings → Git)',
        )
    yield from hooked(seen)


builds_move_nothing.stops_when("pushes go live", lambda p, s: (BuildPolicy("git"), replace(s, auto_assign=True)))


@gate(owner="developer")
def output_is_whole(policy: BuildPolicy, seen: BuildOutput) -> Findings:
    """What is to be deployed is there, was finished, and is within the limits of the plan (`build.plan`).

    Why: An upload of half a build takes minutes to be refused, or worse, is not.

    By hand: Look into `.vercel/output`: `config.json` says version 3, `builds.json` says target `production` and has no
        `error`; `crons` and `.vc-config.json` ask for what the plan has. With `build.by: cli` run `vercel --version`.

    If it fails: Run `vercel pull --yes --environment=production` and `vercel build --prod` again.
    """
    yield from past_limits(policy.plan, seen)
    if seen.problem:
        yield block("the release", seen.problem, fix="vercel build --prod" if seen.by == "prebuilt" else "")


output_is_whole.stops_when("the build was not finished", lambda p, s: (p, replace(s, problem="has no builds.json")))
output_is_whole.stops_when("a cron job is due more often than the plan allows", due_too_often)


@gate(owner="release manager")
def can_go_back(seen: RollbackTarget, now: Production) -> Findings:
    """What a rollback would go back to still exists and is eligible.

    Why: Retention deletes old deployments, and Hobby plans go back by one only. That is found out before, not after.

    By hand: Run `vercel ls --environment production`: the deployment that serves now must be there and `Ready`.

    If it fails: Point the domain at the newest good deployment, `vercel promote $DEPLOYMENT`, or redeploy the live
        commit once, so that there is something to go back to; then deploy.
    """
    if not now.id and now.leads_to:
        yield block(now.domain, f"only redirects to {now.leads_to}", fix=f"domain: {now.leads_to} in deploy.yml")
    elif not now.id:
        yield block(
            "production", "serves no deployment, so there is nothing to go back to", fix="vercel promote $DEPLOYMENT"
        )
    elif not seen.id:
        yield warn(
            "production", "has no earlier deployment: a rollback after this release can only return to the live one"
        )
    yield from lasts(seen, now) if now.id else ()
    yield from apart(now)
    for deployment in seen.passed_over if not seen.id else ():
        yield warn(deployment, "is an earlier deployment, and was itself taken back: a rollback does not choose it")


can_go_back.stops_when(
    "the domain of `deploy.yml` only redirects",
    lambda s, now: (s, Production("", "", now.domain, leads_to=f"www.{now.domain}")),
)
can_go_back.stops_when("production serves nothing", lambda s, now: (s, Production("", "", now.domain)))


@gate(owner="developer")
def is_built(seen: Build) -> Findings:
    """Vercel has built the deployment.

    Why: Only a deployment that is READY can be asked anything.

    By hand: Run `vercel inspect $DEPLOYMENT --wait --logs`.

    If it fails: Read the last lines of the build log. Most often it is a TypeScript error or a dependency; fix it
        and start a new run.
    """
    if seen.state in ("ERROR", "CANCELED", "BLOCKED"):
        yield block(seen.id, f"ended as {seen.state}: {seen.error}", fix=f"vercel inspect {seen.id} --logs")
    elif seen.state != "READY":
        yield not_yet(seen.id, f"is {seen.state}")


is_built.stops_when("the build fails", lambda s: (replace(s, state="ERROR", error="Type error in app/page.tsx"),))
is_built.stops_when("the build hangs", lambda s: (replace(s, state="BUILDING"),))


@gate(owner="release manager")
def is_staged(seen: Build, now: Production) -> Findings:
    """No production domain points to the new deployment yet.

    Why: Everything between here and the promotion rests on users not seeing the release.

    By hand: Run `vercel inspect $DEPLOYMENT`; the production domain must not be among its aliases.

    If it fails: Production moved at build time. Look at it now; `vercel rollback $PREVIOUS` if it is not well. Then
        find out who deployed without `--skip-domain`. After a rollback the next run needs `--over-rollback`.
    """
    if now.domain in seen.aliases or now.id == seen.id:
        yield block(now.domain, f"already points to {seen.id}", fix="./inv rollback")


is_staged.stops_when("the domain moved at build time", lambda s, now: (replace(s, aliases=(now.domain,)), now))


@gate(owner="release manager")
def nobody_else_promoted(
    before: ProductionBefore, staged: StagedDeployment, project: VercelProject, seen: Production
) -> Findings:
    """Production serves either what it served before or this release, and nothing else.

    Why: A colleague's promotion at the same time would be taken for ours, or undone by ours.

    By hand: Run `vercel inspect $DOMAIN` and compare the deployment id with the one noted before.

    If it fails: Talk to whoever promoted. Decide together which release stays. When it is yours, start a new run with
        a commit that descends from theirs.
    """
    if seen.id not in (before.id, staged.id):
        yield block(seen.domain, f"serves {seen.id}, which this run knows nothing about")
    elif project.move in ("pending", "in-progress") and project.moved_to not in (before.id, staged.id):
        yield block(seen.domain, f"is being moved to {project.moved_to} by a {project.moved_by} that is not ours")


nobody_else_promoted.stops_when(
    "a colleague promotes at the same time", lambda b, st, p, s: (b, st, p, replace(s, id="dpl_colleague"))
)
nobody_else_promoted.stops_when(
    "a colleague's promotion is under way",
    lambda b, st, p, s: (b, st, replace(p, move="in-progress", moved_by="promote", moved_to="dpl_colleague"), s),
)


@gate(owner="release manager")
def is_live(before: ProductionBefore, staged: StagedDeployment, project: VercelProject, seen: Production) -> Findings:
    """The production domain points to the deployment that was just promoted, and so do the others beside it.

    Why: Vercel accepts a promotion before it has happened; only the domain can say that it has. A project has several
        (`www`, an old name), and each of them is moved for itself.

    By hand: Run `vercel inspect $DOMAIN` and compare the deployment id.

    If it fails: Run `vercel rollback $PREVIOUS`, then find out what else is promoting. The next run needs a new
        commit and `--over-rollback`.
    """
    older = bool(before.moved) and project.moved_at == before.moved  # of an earlier run with the same deployment
    ours = project.moved_to == staged.id and project.moved_by == "promote" and not older
    went = "was skipped" if project.move == "skipped" else "failed"
    if seen.id == staged.id:
        yield from behind(seen, before, staged.id)
        return
    if ours and project.move in ("failed", "skipped"):
        says = f"still points to {seen.id or 'nothing'}: Vercel says the promotion {went}"
        yield block(seen.domain, says, fix=f"vercel promote {staged.id}")
    else:
        waits = "" if ours else "; Vercel has not begun with ours, is it queued behind a rolling release?"
        yield not_yet(seen.domain, f"still points to {seen.id or 'nothing'}{waits}", fix=f"vercel promote {staged.id}")


is_live.stops_when("the promotion never lands", lambda b, st, p, s: (b, st, p, replace(s, id="dpl_old")))
is_live.stops_when(
    "another of the domains stays behind",
    lambda b, st, p, s: (
        replace(b, domains=("www.lms.example.com",)),
        st,
        p,
        replace(s, others=(("www.lms.example.com", "dpl_old"),)),
    ),
)
is_live.stops_when(
    "Vercel says that it failed",
    lambda b, st, p, s: (
        b,
        st,
        replace(p, moved_by="promote", moved_to=st.id, move="failed"),
        replace(s, id="dpl_old"),
    ),
)
is_live.stops_when(
    "it is queued behind a colleague's rolling release",
    lambda b, st, p, s: (b, st, replace(p, moved_to="dpl_colleague"), replace(s, id="dpl_old")),
)


@gate(owner="release manager")
def is_restored(before: ProductionBefore, seen: Production) -> Findings:
    """The production domain points again to the deployment it pointed to before the release.

    Why: An accepted rollback is not a finished one, and an unfinished one is worse than none: everybody believes it.

    By hand: Run `vercel inspect $DOMAIN` and compare the deployment id with the one noted before.

    If it fails: Run `vercel rollback $PREVIOUS` by hand, or use Instant Rollback in the dashboard. While Vercel still
        counts a rollback to it as under way, asking again does nothing: `vercel promote $PREVIOUS`. Then call the
        DevOps lead.
    """
    if seen.id != before.id:
        says = f"points to {seen.id or 'nothing'}, not to {before.id}"
        yield not_yet(seen.domain, says, fix=f"vercel rollback {before.id}")
    yield from behind(seen, before, before.id)


is_restored.stops_when("the rollback never lands", lambda b, s: (b, replace(s, id="dpl_bad")))

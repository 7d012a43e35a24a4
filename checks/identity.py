"""Asks whether an address answers as the build that we expect. Nothing is judged before it does."""

from collections.abc import Iterable
from dataclasses import replace

from checks.evidence import ProductionBefore, ProductionBuild, SaidBuild, StagedBuild, StagedDeployment
from checks.gate import Findings, gate, not_yet, warn
from checks.policy import IdentityPolicy
from checks.protection import protected

SHORT = 7  # digits of a commit that still name one


def _is(
    policy: IdentityPolicy, answers: Iterable[SaidBuild], deployment: str, commit: str, *, silent: int = 1000
) -> Findings:
    """Find answers that are not from ``deployment``; ``commit`` may be empty when it is not known.

    ``silent``: from this HTTP status on an answer need not say which build it is; others judge whether it is well.
    """
    for said in answers:
        names = {"deployment": said.deployment, "commit": said.commit, "header": said.header}
        names = {proof: names[proof] for proof in policy.proof if names[proof]}
        if commit == "":
            names.pop("commit", None)
        fix = f"curl -sS -i {said.url}"
        if said.protected:
            yield protected(said.url)
            return
        if said.status == 0:
            yield not_yet(said.url, f"gave no answer: {said.failure}", fix=fix)
            return
        wrong = {proof: name for proof, name in names.items() if not _same(proof, name, deployment, commit)}
        if wrong:
            proof, name = next(iter(wrong.items()))
            yield not_yet(said.url, f"answers as another build ({proof} {name}), not as {deployment}", fix=fix)
            return
        if not names and said.failure:
            yield not_yet(said.url, f"{said.failure}, so it does not say which build it is", fix=fix)
            return
        if not names and said.status < silent:
            ways = ", ".join(policy.proof)
            yield not_yet(
                said.url,
                f"answered {said.status} and does not say which build it is (looked for {ways})",
                fix="have the health check answer its VERCEL_DEPLOYMENT_ID or VERCEL_GIT_COMMIT_SHA",
            )
            return


def _same(proof: str, name: str, deployment: str, commit: str) -> bool:
    if proof == "commit":
        return len(name) >= SHORT and commit.startswith(name.lower())
    return name == deployment


def _all(said: tuple[SaidBuild, ...], **changes: object) -> tuple[SaidBuild, ...]:
    return tuple(replace(one, **changes) for one in said)  # type: ignore[arg-type]


@gate(owner="developer")
def staged_is_itself(policy: IdentityPolicy, staged: StagedDeployment, seen: StagedBuild) -> Findings:
    """The staged address answers, several times in a row, as the deployment that was just made.

    Why: A sleeping function needs up to 15 seconds to wake, and behind Deployment Protection every page "answers":
        what is judged before the build itself has answered is somebody else.

    By hand: Run `curl -sS -i $STAGED/api/health/db` three times; each must name the deployment or the commit.

    If it fails: When it answers 401 or redirects to vercel.com, set `VERCEL_AUTOMATION_BYPASS_SECRET`. When it does
        not say who it is, let the health check answer `VERCEL_GIT_COMMIT_SHA`. Production is untouched.
    """
    yield from _is(policy, seen.answers, staged.id, staged.commit)


staged_is_itself.stops_when(
    "Deployment Protection is in the way",
    lambda p, st, s: (p, st, StagedBuild(_all(s.answers, status=401, protected=True))),
)
staged_is_itself.stops_when(
    "it has not woken up",
    lambda p, st, s: (p, st, StagedBuild(_all(s.answers, status=0, failure="no answer in 20 s"))),
)
staged_is_itself.stops_when(
    "the answer does not say which build it is",
    lambda p, st, s: (p, st, StagedBuild(_all(s.answers, deployment="", commit="", header=""))),
)


@gate(owner="on-call")
def production_is_release(policy: IdentityPolicy, staged: StagedDeployment, seen: ProductionBuild) -> Findings:
    """Every production domain answers, several times in a row, as this release, and what redirects leads to one of them.

    Why: A domain's entry at Vercel says where it should go; only an answer says where it goes. Caches and edges take
        a moment, and one answer out of three from the old build means that it is not there yet. A domain that gave no
        answer before is named and left alone: it says nothing about the release.

    By hand: Run `curl -sS -i $PRODUCTION/api/health/db` three times; each must name the deployment or the commit. Then
        the same for each other production domain of the project (Vercel → Settings → Domains).

    If it fails: The run goes back by itself. By hand: `vercel rollback $PREVIOUS`. Then fix it and ship the new
        commit with `--over-rollback`: the rollback has pinned production.
    """
    yield from _is(policy, seen.answers, staged.id, staged.commit, silent=500)
    proved = {_host(one.url) for one in seen.answers}
    for name, led in seen.redirects:
        if led not in proved:
            where = f"leads to {led}" if led else "leads nowhere"
            yield warn(name, f"{where}, which is no domain that was proved", fix="Vercel → Settings → Domains")
    for name in seen.silent:
        yield warn(
            name,
            "gave no answer from here before either, so nothing is proved of it",
            fix="Vercel → Settings → Domains",
        )


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]


production_is_release.stops_when(
    "one of the answers is from the old build",
    lambda p, st, s: (p, st, ProductionBuild((*s.answers[1:], *_all(s.answers[:1], header="dpl_old")))),
)


production_is_release.stops_when(
    "another of the domains still answers as the old build",
    lambda p, st, s: (
        p,
        st,
        replace(s, answers=(*s.answers, *_all(s.answers[:1], url="https://learn.lms.example.com/", header="dpl_old"))),
    ),
)


@gate(owner="on-call")
def production_is_previous(policy: IdentityPolicy, before: ProductionBefore, seen: ProductionBuild) -> Findings:
    """Every production domain answers, several times in a row, as what it served before the release.

    Why: A rollback is over when users get the old build, not when Vercel has written it down.

    By hand: Run `curl -sS -i $PRODUCTION/api/health/db` three times; each must name the old deployment.

    If it fails: When Vercel says that the domain points to it already, asking it again changes nothing: purge what
        the edges keep, `vercel cache purge --type cdn`. Otherwise run `vercel rollback $PREVIOUS` again, or use
        Instant Rollback in the dashboard. Then call the DevOps lead.
    """
    yield from _is(policy, seen.answers, before.id, "", silent=0)  # an old build may be one that never says


production_is_previous.stops_when(
    "the domain still answers as the release",
    lambda p, b, s: (p, b, ProductionBuild(_all(s.answers, header="dpl_bad", deployment="dpl_bad"))),
)

"""Builds commits: by themselves when something is pushed, or because a deployment names a ``gitSource``."""

import fnmatch
import json
from pathlib import Path
from typing import Any

from pipeline.sandbox import releases
from pipeline.sandbox.core import Core
from pipeline.sandbox.githubstate import Commit
from pipeline.sandbox.vercel import making, shapes
from pipeline.sandbox.vercel.making import Order
from pipeline.sandbox.vercelstate import Deployment, FileEntry
from pipeline.sandbox.web import Payload, Problem

BRANCH = "main"


def build(core: Core, sha: str) -> Deployment:
    """Build a push to main for production, which moves to it when the project assigns domains by itself."""
    meta = _meta(core, core.state.github.commits[sha], BRANCH)
    return making.make(core, Order(_files(core, sha), "production", meta, source="git"))


def wants(core: Core, sha: str) -> bool:
    """Whether Vercel builds a push to main by itself: not when the project, or the pushed ``vercel.json``, says no."""
    folder = core.state.vercel.folders.get(sha)
    try:
        said = json.loads((Path(folder or ".nowhere") / "vercel.json").read_bytes())
    except (OSError, ValueError):
        said = {}
    enabled = (said.get("git") or {}).get("deploymentEnabled", True)
    if isinstance(enabled, dict):
        rules = [enabled[pattern] for pattern in enabled if fnmatch.fnmatchcase(BRANCH, pattern)]
        enabled = not rules or any(rules)
    vercel = core.state.vercel
    return vercel.git and enabled is not False and vercel.production_branch == BRANCH


def order(core: Core, sent: Any, target: str | None, meta: dict[str, str]) -> Order:
    """Order a deployment of a commit. Raises Problem when the repository or the commit is not known."""
    if not isinstance(sent, dict) or sent.get("type") != "github":
        raise shapes.problem(400, "bad_request", "Invalid request: `gitSource.type` should be github.")
    names = (f"{sent.get('org')}/{sent.get('repo')}", str(sent.get("repoId")))
    if core.state.github.repository not in names and str(shapes.REPOSITORY_ID) not in names:
        raise _unknown("The provided GitHub repository can't be found.")
    commit = _commit(core, sent)
    named = str(sent.get("ref") or BRANCH)
    source = "api-trigger-git-deploy"
    return Order(_files(core, commit.sha), target, {**_meta(core, commit, named), **meta}, source=source)


def _commit(core: Core, sent: Payload) -> Commit:
    """Find the commit by ``sha``, or else what ``ref`` is now."""
    github = core.state.github
    ref = str(sent.get("ref") or BRANCH)
    sha = str(sent.get("sha") or (github.head if ref in (BRANCH, f"refs/heads/{BRANCH}") else ref))
    if sha not in github.commits:
        raise _unknown(f"The commit {sha} can't be found in the GitHub repository.")
    return github.commits[sha]


def _files(core: Core, sha: str) -> list[FileEntry]:
    """Read the files of the commit's folder; none when nobody said where it is, and then the build fails."""
    folder = core.state.vercel.folders.get(sha)
    return releases.store(Path(folder), core.blobs) if folder else []


def _meta(core: Core, commit: Commit, ref: str) -> dict[str, str]:
    organization, _, name = core.state.github.repository.partition("/")
    return {
        "githubDeployment": "1",
        "githubOrg": organization,
        "githubRepo": name,
        "githubRepoId": str(shapes.REPOSITORY_ID),
        "githubCommitOrg": organization,
        "githubCommitRepo": name,
        "githubCommitRef": ref,
        "githubCommitSha": commit.sha,
        "githubCommitMessage": commit.message,
        "githubCommitAuthorName": commit.author,
        "githubCommitAuthorLogin": commit.author,
    }


def _unknown(says: str) -> Problem:
    return shapes.problem(404, "incorrect_git_source_info", says)

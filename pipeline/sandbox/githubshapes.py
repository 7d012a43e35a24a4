"""Shapes users, the repository, commits, checks and deployments as GitHub's answers show them."""

from pipeline.sandbox.core import Core, iso_seconds
from pipeline.sandbox.githubstate import ActionRun, Commit, Record
from pipeline.sandbox.pushing import AUTHOR, CHECKS
from pipeline.sandbox.web import Payload

REPO_URLS = (
    "archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits", "compare", "contents",
    "contributors", "deployments", "downloads", "events", "forks", "git_commits", "git_refs", "git_tags",
    "issue_comment", "issue_events", "issues", "keys", "labels", "languages", "merges", "milestones",
    "notifications", "pulls", "releases", "stargazers", "statuses", "subscribers", "subscription", "tags", "teams",
    "trees", "hooks",
)  # fmt: skip
USER_URLS = (
    "followers", "following", "gists", "starred", "subscriptions", "organizations", "repos", "events",
    "received_events",
)  # fmt: skip
NOT_IN_MINIMAL = (
    "git_url", "ssh_url", "clone_url", "svn_url", "mirror_url", "network_count", "subscribers_count", "license",
)  # fmt: skip

NUMBER = 4242  # the repository's, which stays when its name changes


class Shapes:
    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def api(self) -> str:
        return self._core.ports.url("github")

    @property
    def repo(self) -> str:
        return f"{self.api}/repos/{self._core.state.github.repository}"

    @property
    def web(self) -> str:
        return f"https://github.com/{self._core.state.github.repository}"

    def user(self, login: str, kind: str = "User") -> Payload:
        id = sum(login.encode()) + 1000
        url = f"{self.api}/users/{login}"
        return {
            "login": login,
            "id": id,
            "node_id": f"U_{id}",
            "avatar_url": f"https://avatars.githubusercontent.com/u/{id}",
            "gravatar_id": "",
            "url": url,
            "html_url": f"https://github.com/{login}",
            "type": kind,
            "site_admin": False,
            **{f"{name}_url": f"{url}/{name}" for name in USER_URLS},
        }

    def repository(self) -> Payload:
        github, began = self._core.state.github, self._core.state.vercel.created
        owner, _, name = github.repository.partition("/")
        last = github.commits[github.head].at if github.head else began
        features = ("issues", "projects", "wiki", "pages", "discussions", "downloads")
        flags = {f"has_{name}": name in ("issues", "projects") for name in features}
        counts = dict.fromkeys(
            (
                "forks_count",
                "stargazers_count",
                "watchers_count",
                "open_issues_count",
                "forks",
                "open_issues",
                "watchers",
                "subscribers_count",
                "network_count",
            ),
            0,
        )
        return {
            "id": NUMBER,
            "node_id": f"R_{NUMBER}",
            "name": name,
            "full_name": github.repository,
            "private": True,
            "fork": False,
            "owner": self.user(owner, "Organization"),
            "html_url": self.web,
            "description": "Learning platform",
            "url": self.repo,
            **{f"{what}_url": f"{self.repo}/{what}" for what in REPO_URLS},
            "git_url": f"git:{self.web[6:]}.git",
            "ssh_url": f"git@github.com:{github.repository}.git",
            "clone_url": f"{self.web}.git",
            "svn_url": self.web,
            "mirror_url": None,
            "homepage": None,
            "language": "TypeScript",
            "license": None,
            "size": 108,
            "default_branch": "main",
            "archived": False,
            "disabled": False,
            "visibility": "private",
            "created_at": iso_seconds(began),
            "updated_at": iso_seconds(last),
            "pushed_at": iso_seconds(last),
            **flags,
            **counts,
        }

    def minimal_repository(self) -> Payload:
        whole = self.repository()
        return {name: value for name, value in whole.items() if name not in NOT_IN_MINIMAL}

    def commit(self, commit: Commit) -> Payload:
        url = f"{self.repo}/commits/{commit.sha}"
        who = {"name": commit.author, "email": f"{commit.author}@lms.example.com", "date": iso_seconds(commit.at)}
        return {
            "url": url,
            "sha": commit.sha,
            "node_id": f"C_{commit.sha[:12]}",
            "html_url": f"{self.web}/commit/{commit.sha}",
            "comments_url": f"{url}/comments",
            "commit": {
                "url": f"{self.repo}/git/commits/{commit.sha}",
                "author": who,
                "committer": who,
                "message": commit.message,
                "comment_count": 0,
                "tree": {"sha": commit.sha[::-1], "url": f"{self.repo}/git/trees/{commit.sha[::-1]}"},
            },
            "author": self.user(commit.author),
            "committer": self.user(commit.author),
            "parents": self._parents(commit),
        }

    def _parents(self, commit: Commit) -> list[Payload]:
        known = [*self._core.state.github.commits]
        before = known[known.index(commit.sha) - 1] if commit.sha in known[1:] else ""
        found = [sha for sha in (before, commit.parent) if sha]
        api, web = f"{self.repo}/commits", f"{self.web}/commit"
        return [{"sha": sha, "url": f"{api}/{sha}", "html_url": f"{web}/{sha}"} for sha in found]

    def check_runs(self, commit: Commit) -> list[Payload]:
        """Every check run of the commit: the jobs of its CI, and those of the other workflows that ran on it."""
        runs = [run for run in self._core.state.github.runs if run.sha == commit.sha]
        ci = next((run.id for run in runs if run.workflow == "ci.yml"), 0)
        number = int(commit.sha[:7], 16) * 10
        found = [
            self._check_run(commit, number + (CHECKS.index(name) if name in CHECKS else 9), name, state, ci)
            for name, state in commit.checks.items()
        ]
        for run in runs:
            if run.workflow != "ci.yml":
                name = run.workflow.partition(".")[0]
                found.append(self._check_run(commit, run.id, name, self.run_status(run)[1] or "pending", run.id))
        return found

    def run_status(self, run: ActionRun) -> tuple[str, str | None]:
        """Status and conclusion of a workflow's run."""
        over = self._core.now() >= run.at + run.takes
        return ("completed", run.conclusion) if over else ("in_progress", None)

    def _check_run(self, commit: Commit, id: int, name: str, conclusion: str, run: int) -> Payload:
        done = conclusion != "pending"
        when = iso_seconds(commit.at)
        web = f"{self.web}/actions/runs/{run}/job/{id}" if run else f"{self.web}/runs/{id}"
        return {
            "id": id,
            "name": name,
            "node_id": f"CR_{id}",
            "head_sha": commit.sha,
            "external_id": "",
            "url": f"{self.repo}/check-runs/{id}",
            "html_url": web,
            "details_url": web,
            "status": "completed" if done else "in_progress",
            "conclusion": conclusion if done else None,
            "started_at": when,
            "completed_at": when if done else None,
            "output": {
                "title": None,
                "summary": None,
                "text": None,
                "annotations_count": 0,
                "annotations_url": f"{self.repo}/check-runs/{id}/annotations",
            },
            "check_suite": {"id": run or id // 10},
            "app": self._actions(),
            "pull_requests": [],
        }

    def _actions(self) -> Payload:
        return {
            "id": 15368,
            "slug": "github-actions",
            "node_id": "A_15368",
            "owner": self.user("github", "Organization"),
            "name": "GitHub Actions",
            "description": "Automate your workflow",
            "external_url": "https://help.github.com/en/actions",
            "html_url": "https://github.com/apps/github-actions",
            "created_at": "2018-07-30T09:30:17Z",
            "updated_at": "2019-12-10T19:04:12Z",
            "permissions": {"checks": "write", "contents": "read"},
            "events": ["push"],
        }

    def status(self, commit: Commit, context: str, state: str) -> Payload:
        id, when = int(commit.sha[:7], 16), iso_seconds(commit.at)
        return {
            "id": id,
            "node_id": f"SC_{id}",
            "url": f"{self.repo}/statuses/{commit.sha}",
            "state": state,
            "context": context,
            "description": None,
            "target_url": f"{self.web}/commit/{commit.sha}",
            "avatar_url": "https://avatars.githubusercontent.com/in/8329",
            "created_at": when,
            "updated_at": when,
            "creator": self.user("vercel[bot]", "Bot"),
        }

    def deployment(self, record: Record) -> Payload:
        url, when, sent = f"{self.repo}/deployments/{record.id}", iso_seconds(record.at), record.body
        return {
            "url": url,
            "id": record.id,
            "node_id": f"DE_{record.id}",
            "sha": sent["sha"],
            "ref": str(sent["ref"]),
            "task": str(sent.get("task") or "deploy"),
            "payload": sent.get("payload") or {},
            "environment": str(sent.get("environment") or "production"),
            "original_environment": str(sent.get("environment") or "production"),
            "description": sent.get("description"),
            "creator": self.user(AUTHOR),
            "created_at": when,
            "updated_at": when,
            "statuses_url": f"{url}/statuses",
            "repository_url": self.repo,
            "transient_environment": bool(sent.get("transient_environment")),
            "production_environment": bool(
                sent.get("production_environment", str(sent.get("environment") or "production") == "production")
            ),
        }

    def deployment_status(self, record: Record, status: Payload) -> Payload:
        url = f"{self.repo}/deployments/{record.id}"
        return {
            "url": f"{url}/statuses/{status['id']}",
            "id": status["id"],
            "node_id": f"DES_{status['id']}",
            "state": status["state"],
            "creator": self.user(AUTHOR),
            "description": str(status.get("description") or ""),
            "environment": str(status.get("environment") or record.body.get("environment") or "production"),
            "environment_url": str(status.get("environment_url") or ""),
            "log_url": str(status.get("log_url") or ""),
            "target_url": str(status.get("target_url") or status.get("log_url") or ""),
            "created_at": status["at"],
            "updated_at": status["at"],
            "deployment_url": url,
            "repository_url": self.repo,
        }

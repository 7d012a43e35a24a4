"""Shapes pull requests and their reviews as GitHub's answers show them."""

from pipeline.sandbox.core import Core, iso_seconds
from pipeline.sandbox.githubshapes import Shapes
from pipeline.sandbox.githubstate import Pull, Review
from pipeline.sandbox.web import Payload


class PullShapes:
    """Writes a pull request or one of its reviews as GitHub's API does."""

    def __init__(self, core: Core, shapes: Shapes) -> None:
        self._core, self._shapes = core, shapes

    def pull(self, pull: Pull, whole: bool) -> Payload:
        url, issue = f"{self._shapes.repo}/pulls/{pull.number}", f"{self._shapes.repo}/issues/{pull.number}"
        web, when = f"{self._shapes.web}/pull/{pull.number}", iso_seconds(pull.at)
        links = {
            "comments": f"{issue}/comments", "commits": f"{url}/commits",
            "statuses": f"{self._shapes.repo}/statuses/{pull.head}",
            "html": web, "issue": issue, "review_comments": f"{url}/comments",
            "review_comment": f"{self._shapes.repo}/pulls/comments/{{number}}", "self": url,
        }  # fmt: skip
        found: Payload = {
            "url": url, "id": 700000 + pull.number, "node_id": f"PR_{pull.number}", "html_url": web,
            "diff_url": f"{web}.diff", "patch_url": f"{web}.patch", "issue_url": issue, "commits_url": links["commits"],
            "review_comments_url": links["review_comments"], "review_comment_url": links["review_comment"],
            "comments_url": links["comments"], "statuses_url": links["statuses"], "number": pull.number,
            "state": "closed", "locked": False, "title": pull.title, "user": self._shapes.user(pull.author),
            "body": None,
            "labels": [], "milestone": None, "active_lock_reason": None, "created_at": when, "updated_at": when,
            "closed_at": when, "merged_at": when, "merge_commit_sha": pull.merge, "assignee": None, "assignees": [],
            "requested_reviewers": [], "requested_teams": [], "draft": False, "auto_merge": None,
            "author_association": "MEMBER", "head": self._side(f"change-{pull.number}", pull.head, pull.author),
            "base": self._side("main", pull.merge, pull.author),
            "_links": {name: {"href": to} for name, to in links.items()},
        }  # fmt: skip
        if whole:
            found |= {
                "merged": True,
                "mergeable": None,
                "rebaseable": None,
                "mergeable_state": "unknown",
                "merged_by": self._shapes.user("sam-reviewer"),
                "comments": 0,
                "review_comments": 0,
                "maintainer_can_modify": False,
                "commits": 1,
                "additions": 12,
                "deletions": 3,
                "changed_files": 2,
            }
        return found

    def _side(self, ref: str, sha: str, author: str) -> Payload:
        owner = self._core.state.github.repository.partition("/")[0]
        return {
            "label": f"{owner}:{ref}",
            "ref": ref,
            "sha": sha,
            "user": self._shapes.user(author),
            "repo": self._shapes.repository(),
        }

    def review(self, pull: Pull, review: Review, index: int) -> Payload:
        id, web = pull.number * 100 + index, f"{self._shapes.web}/pull/{pull.number}"
        url = f"{self._shapes.repo}/pulls/{pull.number}"
        return {
            "id": id,
            "node_id": f"PRR_{id}",
            "user": self._shapes.user(review.by, "Bot" if review.by.endswith("[bot]") else "User"),
            "body": "",
            "state": review.state,
            "html_url": f"{web}#pullrequestreview-{id}",
            "pull_request_url": url,
            "commit_id": review.commit,
            "author_association": "MEMBER" if review.by in self._core.state.github.permissions else "NONE",
            "submitted_at": iso_seconds(review.at),
            "_links": {"html": {"href": web}, "pull_request": {"href": url}},
        }

"""What a person opens next after a run: links, in Markdown."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from pipeline.record.report import Report

RUNBOOK, RESPONSE = "runbooks/deployment-runbook.md#rollback-procedure", "runbooks/incident-response.md"
LIVE = ("deployed", "held")


@dataclass(frozen=True)
class Places:
    """Where pages are: GitHub and its repository (``owner/name``), Sentry's address and organization.

    ``kept``: whether the journal outlives the machine that the run was on.
    """

    server: str
    repository: str
    sentry: str
    organization: str
    kept: bool

    @property
    def _repository(self) -> str:
        return f"{self.server.rstrip('/')}/{self.repository}"

    def page(self, path: str, commit: str) -> str:
        """The address of a file of the repository as the commit has it."""
        return f"{self._repository}/blob/{quote(commit)}/{path}"

    def between(self, earlier: str, later: str) -> str:
        """The address of the page that compares two commits, or shows the later one when the earlier is not known."""
        if earlier and earlier != later:
            return f"{self._repository}/compare/{quote(earlier)}...{quote(later)}"
        return f"{self._repository}/commit/{quote(later)}"

    @property
    def rollback(self) -> str:
        """The address of the workflow that goes back."""
        return f"{self._repository}/actions/workflows/rollback.yml"

    def release(self, version: str) -> str:
        """The address of a release in Sentry: each organization has a host of its own there, but not elsewhere."""
        if (urlsplit(self.sentry).hostname or "").endswith("sentry.io"):
            return f"https://{quote(self.organization)}.sentry.io/releases/{quote(version)}/"
        return f"{self.sentry.rstrip('/')}/organizations/{quote(self.organization)}/releases/{quote(version)}/"


def links_markdown(report: Report, places: Places) -> list[str]:
    """Bullets with what a person opens next: the deployment, its errors, what changed, the runbook, the way back."""
    bad = report.outcome not in ("deployed", "blocked")
    lines = [f"* [production]({report.production})"] if report.production else []
    if report.staged:
        lines.append(f"* [the deployment]({report.staged['url']}) `{report.staged['id']}`")
    if report.commit:
        lines.append(f"* [what changed]({places.between(report.was_live, report.commit)})")
    if report.staged and (report.outcome in LIVE or bad):
        lines.append(f"* [its errors in Sentry]({places.release(report.commit)})")
    if bad:
        lines.append(f"* [what to do in an incident]({places.page(RESPONSE, report.commit)})")
    if report.outcome in (*LIVE, "stranded"):
        lines.append(
            f"* take it back: [run the workflow *rollback*]({places.rollback}), or `./inv rollback` on your machine;"
            f" [how to]({places.page(RUNBOOK, report.commit)})"
        )
    if not places.kept:
        lines.append("* the journal of this run is on the runner, and gone with it; `state: JOURNAL_URL` keeps it")
    return lines

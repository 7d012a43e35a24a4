"""Answers what people do on GitHub: read and approve pull requests, comment, start workflows and look at their runs."""

import io
import zipfile

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from pipeline.sandbox.core import Core, iso_seconds
from pipeline.sandbox.githubguards import Guards
from pipeline.sandbox.githubpulls import PullShapes
from pipeline.sandbox.githubrequests import Requests
from pipeline.sandbox.githubshapes import Shapes
from pipeline.sandbox.githubstate import ActionRun, Review
from pipeline.sandbox.pushing import AUTHOR, REVIEWER
from pipeline.sandbox.web import Payload, Problem, Router, body

WORKFLOWS = ("deploy.yml", "rollback.yml", "ci.yml", "monitor.yml")
EVENTS = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


class Work:
    def __init__(self, core: Core, shapes: Shapes, pulls: PullShapes, requests: Requests) -> None:
        self._core, self._shapes, self._pulls, self._requests = core, shapes, pulls, requests

    def routes(self, router: Router, root: str) -> None:
        add, actions = router.add, root + "/actions"
        Guards(self._core, self._shapes).routes(router, root)
        add("GET", root + "/pulls", self.pulls)
        add("POST", root + "/pulls/{number}/reviews", self.review)
        add("GET", root + "/issues/{number}/comments", self.comments)
        add("POST", root + "/issues/{number}/comments", self.comment)
        add("GET", root + "/keys", self.keys)
        add("GET", root + "/secret-scanning/alerts", self.secrets)
        add("GET", root + "/check-runs/{id}/annotations", self.nothing)
        add("GET", actions + "/variables/{name}", self.variable)
        add("POST", actions + "/variables", self.set_variable)
        add("GET", actions + "/workflows/{workflow}", self.workflow)
        add("GET", actions + "/workflows/{workflow}/runs", self.runs)
        add("POST", actions + "/workflows/{workflow}/dispatches", self.dispatch)
        add("GET", actions + "/runs/{id}", self.run)
        add("GET", actions + "/runs/{id}/jobs", self.jobs)
        add("GET", actions + "/runs/{id}/approvals", self.approvals)
        add("GET", actions + "/runs/{id}/logs", self.logs)
        add("GET", actions + "/runs/{id}/archive", self.archive)

    async def pulls(self, request: Request) -> Response:
        """List the pull requests; all of them are merged."""
        asked, found = request.query_params.get("state", "open"), self._core.state.github.pulls[::-1]
        return self._requests.listed(request, [self._pulls.pull(one, False) for one in found if asked != "open"])

    async def review(self, request: Request) -> Response:
        pull, event = self._requests.pull(request), str((await body(request)).get("event") or "")
        if event not in EVENTS:
            raise _problem(422, "Unprocessable Entity")
        review = Review(REVIEWER, EVENTS[event], pull.head, self._core.now())
        pull.reviews.append(review)
        return JSONResponse(self._pulls.review(pull, review, len(pull.reviews)))

    async def comments(self, request: Request) -> Response:
        number = str(self._requests.pull(request).number)
        found = [comment for comment in self._core.state.github.comments if comment["issue_url"].endswith(f"/{number}")]
        return self._requests.listed(request, found)

    async def comment(self, request: Request) -> Response:
        pull, text = self._requests.pull(request), str((await body(request)).get("body") or "")
        if not text:
            raise _problem(422, "Validation Failed")
        id, now = self._core.state.next_id(), iso_seconds(self._core.now())
        comment = {
            "id": id, "node_id": f"IC_{id}", "user": self._shapes.user(AUTHOR), "body": text,
            "url": f"{self._shapes.repo}/issues/comments/{id}", "created_at": now, "updated_at": now,
            "html_url": f"{self._shapes.web}/pull/{pull.number}#issuecomment-{id}",
            "issue_url": f"{self._shapes.repo}/issues/{pull.number}", "author_association": "MEMBER",
            "performed_via_github_app": None,
        }  # fmt: skip
        self._core.state.github.comments.append(comment)
        return JSONResponse(comment, 201)

    async def keys(self, request: Request) -> Response:
        found = [
            {
                "id": row,
                "key": f"ssh-ed25519 {row:040d}",
                "url": f"{self._shapes.repo}/keys/{row}",
                "title": title,
                "verified": True,
                "created_at": iso_seconds(self._core.state.vercel.created),
                "read_only": True,
            }
            for row, title in enumerate(self._core.state.github.keys, 1)
        ]
        return self._requests.listed(request, found)

    async def secrets(self, request: Request) -> Response:
        wanted = request.query_params.get("state")
        alerts = [one for one in self._core.state.github.secret_scanning if wanted in (None, one.state)]
        found: list[Payload] = [
            {
                "number": alert.number,
                "state": alert.state,
                "secret_type": alert.summary,
                "resolution": None,
                "created_at": iso_seconds(alert.at),
                "url": f"{self._shapes.repo}/secret-scanning/alerts/{alert.number}",
                "html_url": f"{self._shapes.web}/security/secret-scanning/{alert.number}",
            }
            for alert in alerts
        ]
        return self._requests.listed(request, found)

    async def nothing(self, request: Request) -> Response:
        return JSONResponse([])

    async def variable(self, request: Request) -> Response:
        name, known = request.path_params["name"], self._core.state.github.variables
        if name not in known:
            raise _problem(404, "Not Found")
        moment = iso_seconds(self._core.state.vercel.created)
        return JSONResponse({"name": name, "value": known[name], "created_at": moment, "updated_at": moment})

    async def set_variable(self, request: Request) -> Response:
        """Create a variable of the repository; one that is there is a conflict."""
        sent, known = await body(request), self._core.state.github.variables
        name = str(sent["name"])
        if name in known:
            raise _problem(409, f"Already exists - Variable {name} already exists")
        known[name] = str(sent["value"])
        return JSONResponse({}, 201)

    async def workflow(self, request: Request) -> Response:
        asked = request.path_params["workflow"]
        for row, file in enumerate(WORKFLOWS, 1):
            if asked in (file, str(row)):
                began, path = iso_seconds(self._core.state.vercel.created), f".github/workflows/{file}"
                found = {
                    "id": row, "node_id": f"W_{row}", "name": file.partition(".")[0], "path": path, "state": "active",
                    "created_at": began, "updated_at": began, "url": f"{self._shapes.repo}/actions/workflows/{row}",
                    "html_url": f"{self._shapes.web}/blob/main/{path}",
                    "badge_url": f"{self._shapes.web}/workflows/{file}/badge.svg",
                }  # fmt: skip
                return JSONResponse(found)
        raise _problem(404, "Not Found")

    async def runs(self, request: Request) -> Response:
        asked = request.path_params["workflow"]
        mine = [run for run in self._core.state.github.runs[::-1] if asked in (run.workflow, _number(run.workflow))]
        return JSONResponse({"total_count": len(mine), "workflow_runs": [self._run(request, one) for one in mine]})

    async def dispatch(self, request: Request) -> Response:
        sent, asked = await body(request), request.path_params["workflow"]
        file = next((run for run in WORKFLOWS if asked in (run, _number(run))), "")
        if not file:
            raise _problem(404, "Not Found")
        if sent.get("ref") not in ("main", "refs/heads/main"):
            raise _problem(422, f"No ref found for: {sent.get('ref')}")
        state = self._core.state
        takes, says = self._core.timing.build, state.github.run_conclusion
        run = ActionRun(state.next_id(), file, state.github.head, "workflow_dispatch", self._core.now(), takes, says)
        state.github.runs.append(run)
        return Response(status_code=204)

    async def run(self, request: Request) -> Response:
        return JSONResponse(self._run(request, self._found(request)))

    async def approvals(self, request: Request) -> Response:
        """List who has let the run into its environment."""
        run = self._found(request)
        when, name = iso_seconds(run.at), "production"
        environment = {
            "id": 1, "node_id": "EN_1", "name": name, "url": f"{self._shapes.repo}/environments/{name}",
            "html_url": f"{self._shapes.web}/deployments/activity_log?environments_filter={name}",
            "created_at": when, "updated_at": when,
        }  # fmt: skip
        said = {"state": "approved", "comment": "", "environments": [environment]}
        people = self._core.state.github.let_in
        return JSONResponse([{**said, "user": self._shapes.user(login)} for login in people])

    async def jobs(self, request: Request) -> Response:
        run = self._found(request)
        url, status, conclusion = f"{self._shapes.repo}/actions/jobs/{run.id}", *self._status(run)
        began, ended = iso_seconds(run.at), iso_seconds(run.at + run.takes) if conclusion else None
        step = {"name": "preflight", "status": status, "conclusion": conclusion, "number": 1,
                "started_at": began, "completed_at": ended}  # fmt: skip
        job = {
            "id": run.id, "run_id": run.id, "run_url": f"{self._shapes.repo}/actions/runs/{run.id}", "url": url,
            "node_id": f"J_{run.id}", "head_sha": run.sha,
            "html_url": f"{self._shapes.web}/actions/runs/{run.id}/job/1",
            "status": status, "conclusion": conclusion, "created_at": began, "started_at": began,
            "completed_at": ended, "name": "deploy", "steps": [step], "labels": ["ubuntu-latest"], "run_attempt": 1,
            "check_run_url": f"{self._shapes.repo}/check-runs/{run.id}", "runner_id": 1, "runner_name": "runner",
            "runner_group_id": 1, "runner_group_name": "default", "workflow_name": run.workflow.partition(".")[0],
            "head_branch": "main",
        }  # fmt: skip
        return JSONResponse({"total_count": 1, "jobs": [job]})

    async def logs(self, request: Request) -> Response:
        run = self._run(request, self._found(request))
        return RedirectResponse(f"{run['url']}/archive", 302)

    async def archive(self, request: Request) -> Response:
        """Pack the log of a run's only step as GitHub does: a folder for each job."""
        run, packed = self._found(request), io.BytesIO()
        with zipfile.ZipFile(packed, "w") as file:
            moment = iso_seconds(run.at)
            file.writestr("deploy/1_preflight.txt", f"{moment} Run ./inv deploy\n{moment} it ended: {run.conclusion}\n")
        return Response(packed.getvalue(), media_type="application/zip")

    def _found(self, request: Request) -> ActionRun:
        for run in self._core.state.github.runs:
            if str(run.id) == request.path_params["id"]:
                return run
        raise _problem(404, "Not Found")

    def _status(self, run: ActionRun) -> tuple[str, str | None]:
        return self._shapes.run_status(run)

    def _run(self, request: Request, run: ActionRun) -> Payload:
        """Shape a run of a workflow.

        Clients follow its addresses, and send their token only to the host that they know.
        """
        host, (status, conclusion) = request.headers.get("host", ""), self._status(run)
        url = f"{self._shapes.repo}/actions/runs/{run.id}"
        if host == "api.github.com":
            url = url.replace(self._shapes.api, f"https://{host}")
        number = self._core.state.github.runs.index(run) + 1
        commit = self._core.state.github.commits[run.sha]
        person = {"name": commit.author, "email": f"{commit.author}@lms.example.com"}
        moment, name = iso_seconds(run.at), run.workflow.partition(".")[0]
        head = {"id": run.sha, "tree_id": run.sha, "message": commit.message, "timestamp": iso_seconds(commit.at),
                "author": person, "committer": person}  # fmt: skip
        return {
            "id": run.id,
            "name": name,
            "node_id": f"R_{run.id}",
            "head_branch": "main",
            "head_sha": run.sha,
            "path": f".github/workflows/{run.workflow}",
            "display_title": commit.message,
            "run_number": number,
            "run_attempt": 1,
            "event": run.event,
            "status": status,
            "conclusion": conclusion,
            "workflow_id": int(_number(run.workflow)),
            "check_suite_id": run.id,
            "check_suite_node_id": f"C_{run.id}",
            "url": url,
            "html_url": f"{self._shapes.web}/actions/runs/{run.id}",
            "pull_requests": [],
            "created_at": moment,
            "updated_at": moment,
            "run_started_at": moment,
            "actor": self._shapes.user(AUTHOR),
            "triggering_actor": self._shapes.user(AUTHOR),
            "jobs_url": f"{url}/jobs",
            "logs_url": f"{url}/logs",
            "check_suite_url": f"{self._shapes.repo}/check-suites/{run.id}",
            "artifacts_url": f"{url}/artifacts",
            "cancel_url": f"{url}/cancel",
            "rerun_url": f"{url}/rerun",
            "previous_attempt_url": None,
            "workflow_url": f"{self._shapes.repo}/actions/workflows/{_number(run.workflow)}",
            "head_commit": head,
            "repository": self._shapes.minimal_repository(),
            "head_repository": self._shapes.minimal_repository(),
        }


def _number(workflow: str) -> str:
    """The id of one of the WORKFLOWS."""
    return str(WORKFLOWS.index(workflow) + 1)


def _problem(status: int, message: str) -> Problem:
    return Problem(
        status, {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
    )

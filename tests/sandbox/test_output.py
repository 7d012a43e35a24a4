"""How a deployment's own files and routes decide what is answered."""

import json

import pytest

from tests.sandbox.fixtures import create

OUT = ".vercel/output/"


def files(config: dict, **more: str) -> list[dict]:
    given = {"config.json": json.dumps({"version": 3, **config}), **more}
    return [{"file": OUT + name, "data": text} for name, text in given.items()]


async def serve(services, sandbox, clock, config, more):
    made = await create(services, sandbox, files=files(config, **more))
    clock.tick(1)
    return services.at(made["url"])


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/", 200, "home"),
        ("/about", 200, "about us"),
        ("/old/7", 308, "/new/7"),
        ("/gone", 410, ""),
        ("/blog/hello", 200, "a post"),
        ("/nothing", 404, "lost"),
        ("/data.json", 200, "{}"),
    ],
)
def test_routes_files_overrides_and_redirects(sandbox, clock, play, path, status, says):
    config = {
        "routes": [
            {"src": "^/.*$", "headers": {"x-team": "acme"}, "continue": True},
            {"src": "^/old/(?P<id>\\d+)$", "status": 308, "headers": {"Location": "/new/$id"}},
            {"src": "/gone", "status": 410},
            {"handle": "filesystem"},
            {"src": "/blog/(.*)", "dest": "/post.html"},
        ],
        "overrides": {"about.html": {"path": "about", "contentType": "text/html; charset=utf-8"}},
    }
    more = {
        "static/index.html": "home", "static/about.html": "about us", "static/post.html": "a post",
        "static/404.html": "lost", "static/data.json": "{}",
    }  # fmt: skip

    async def scenario(services):
        site = await serve(services, sandbox, clock, config, more)
        answer = await site.get(path)
        assert answer.status_code == status
        assert says in answer.text + answer.headers.get("location", "")
        assert answer.headers["x-team"] == "acme"

    play(scenario)


def test_a_node_function_says_that_it_is_not_served(sandbox, clock, play):
    async def scenario(services):
        settings = json.dumps({"runtime": "nodejs22.x", "handler": "index.js"})
        site = await serve(services, sandbox, clock, {}, {"functions/index.func/.vc-config.json": settings})
        answer = await site.get("/")
        assert answer.status_code == 501
        assert "Node functions are not served yet" in answer.json()["error"]["message"]

    play(scenario)


BROKEN = {
    "at import": "raise RuntimeError('no such module')",
    "at a request": "async def app(scope, receive, send):\n    raise RuntimeError('no such row')",
}


@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN)
def test_an_exception_is_a_500_a_log_line_and_an_issue(sandbox, clock, play, code):
    async def scenario(services):
        more = {
            "functions/index.func/.vc-config.json": json.dumps({"runtime": "python3.12", "handler": "main.app"}),
            "functions/index.func/main.py": code,
        }
        site = await serve(services, sandbox, clock, {}, more)
        answer = await site.get("/")
        assert (answer.status_code, answer.headers["x-vercel-error"]) == (500, "FUNCTION_INVOCATION_FAILED")
        (issue,) = sandbox.state.sentry.issues
        assert issue.title.startswith("RuntimeError: no such")
        assert issue.level == "error"
        (hit,) = sandbox.core.traffic
        assert (hit.level, "Traceback" in hit.message) == ("error", True)

    play(scenario)


def test_a_function_finds_its_environment_and_nobody_elses(sandbox, clock, play):
    async def scenario(services):
        code = """
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": " ".join(sorted(environ)).encode()})
"""
        more = {
            "functions/index.func/.vc-config.json": json.dumps({"runtime": "python3.12", "handler": "main.app"}),
            "functions/index.func/main.py": code,
        }
        site = await serve(services, sandbox, clock, {}, more)
        names = (await site.get("/")).text.split()
        given = {"DATABASE_URL", "VERCEL_ENV", "VERCEL_DEPLOYMENT_ID", "VERCEL_URL", "VERCEL_GIT_COMMIT_SHA"}
        assert given <= set(names)
        assert "PATH" not in names

    play(scenario)


def test_a_file_cannot_leave_its_functions_folder(sandbox, clock, play):
    async def scenario(services):
        more = {
            "functions/index.func/.vc-config.json": json.dumps({"runtime": "python3.12", "handler": "main.app"}),
            "functions/index.func/../../../../../../escaped.py": "x = 1",
        }
        site = await serve(services, sandbox, clock, {}, more)
        assert (await site.get("/")).status_code == 500
        assert not list(sandbox.core.home.parent.rglob("escaped.py"))

    play(scenario)

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
    ("accepts", "cookie", "leads"),
    [
        ("de", "", "/de"),
        ("fr, en;q=0.7, de;q=0.2", "", ""),
        ("fr, en;q=0.2, de;q=0.7", "", "/de"),
        ("de-AT, fr;q=0.8", "", ""),
        ("de;q=0", "", ""),
        ("de", "NEXT_LOCALE=en", ""),
        ("", "NEXT_LOCALE=DE", "/de"),
    ],
)
def test_a_visitor_is_sent_to_the_language_that_he_reads(sandbox, clock, play, accepts, cookie, leads):
    locale = {"redirect": {"en": "/", "de": "/de"}, "cookie": "NEXT_LOCALE"}
    config = {"routes": [{"src": "/", "locale": locale, "continue": True}, {"handle": "filesystem"}]}

    async def scenario(services):
        site = await serve(services, sandbox, clock, config, {"static/index.html": "home"})
        headers = {"accept-language": accepts, **({"cookie": cookie} if cookie else {})}
        answer = await site.get("/", headers=headers)
        assert (answer.status_code, answer.headers.get("location", "")) == (307 if leads else 200, leads)

    play(scenario)


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


@pytest.mark.parametrize(
    ("runtime", "why"),
    [
        ("nodejs22.x", "there is no `node` on PATH"),
        ("edge", "there is no `node` on PATH"),
        ("go1.x", "Python, Node.js and the edge runtime"),
    ],
)
def test_a_function_that_cannot_run_here_says_why(sandbox, clock, play, monkeypatch, runtime, why):
    monkeypatch.setenv("PATH", "/nowhere")

    async def scenario(services):
        settings = json.dumps({"runtime": runtime, "handler": "index.js"})
        site = await serve(services, sandbox, clock, {}, {"functions/index.func/.vc-config.json": settings})
        answer = await site.get("/")
        assert answer.status_code == 501
        assert why in answer.json()["error"]["message"]

    play(scenario)


ECHO = """
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-app", b"own"), (b"x-both", b"own")]})
    await send({"type": "http.response.body", "body": scope["path"].encode() + b"?" + scope["query_string"]})
"""


def echoes(*names: str) -> dict[str, str]:
    found = {}
    for name in names:
        settings = {"runtime": "python3.12", "handler": "main.app"}
        found[f"functions/{name}.func/.vc-config.json"] = json.dumps(settings)
        found[f"functions/{name}.func/main.py"] = ECHO
    return found


RSC = [{"type": "header", "key": "rsc", "value": "1"}]
ROUTES = [
    {"src": "^(?:/(.+))/$", "headers": {"Location": "/$1"}, "status": 308, "continue": True},
    {"src": "/(?<path>[^.]+)", "has": RSC, "dest": "/$path.rsc", "headers": {"vary": "rsc"}, "continue": True},
    {"src": "/beta", "missing": [{"type": "cookie", "key": "beta"}], "status": 404},
    {"src": "/who", "has": [{"type": "host", "value": "(?<name>.+)\\.example"}], "dest": "/page?of=$name"},
    {"src": "/who", "has": [{"type": "query", "key": "of", "value": {"pre": "a"}}], "dest": "/page?by=a"},
    {"src": "/post", "methods": ["POST"], "dest": "/page"},
    {"src": "/CASE", "caseSensitive": True, "dest": "/page"},
    {"src": "/far", "dest": "https://elsewhere.example/x"},
    {"src": "/guarded", "middlewarePath": "middleware"},
    {
        "src": "/told",
        "dest": "/page?kept=1&lost=1",
        "transforms": [
            {"type": "request.query", "op": "delete", "target": {"key": {"pre": "los"}}},
            {"type": "request.query", "op": "set", "target": {"key": "set"}, "args": "v"},
        ],
    },
    {"handle": "filesystem"},
    {"src": "/later", "dest": "/nothing", "check": True},
    {"src": "/nothing", "dest": "/page", "check": True},
    {"handle": "resource"},
    {"src": "/last/(.*)", "dest": "/users/$1", "check": True},
    {"src": "/.*", "status": 404},
    {"handle": "miss"},
    {"src": "/assets/.+", "dest": "/assets/none.txt", "status": 404, "check": True},
    {"handle": "rewrite"},
    {"src": "^/users/(?<nxtPid>[^/]+?)(?:/)?$", "dest": "/users/[id]?nxtPid=$nxtPid", "check": True},
    {"handle": "hit"},
    {"src": "/users/.*", "headers": {"x-matched": "$0", "x-both": "route"}, "continue": True, "important": True},
    {"handle": "error"},
    {"src": "/.*", "dest": "/lost", "status": 404, "headers": {"x-error": "404"}},
    {"src": "/.*", "dest": "/broken", "status": 500},
]


@pytest.mark.parametrize(
    ("asked", "headers", "status", "says"),
    [
        ("GET /page/", {}, 308, "/page"),
        ("GET /about", {"rsc": "1"}, 200, "tree of about"),
        ("GET /about", {}, 200, "about us"),
        ("GET /beta", {}, 404, "lost"),
        ("GET /beta", {"cookie": "a=b; beta=1"}, 404, "lost"),
        ("GET /who?x=1", {"host": "ada.example"}, 200, "/who?x=1&of=ada"),
        ("GET /who?of=ada", {}, 200, "/who?of=ada&by=a"),
        ("GET /who?of=bea", {}, 404, "lost"),
        ("GET /post", {}, 404, "lost"),
        ("POST /post", {}, 200, "/post?"),
        ("GET /case", {}, 404, "lost"),
        ("GET /CASE", {}, 200, "/CASE?"),
        ("GET /far", {}, 501, "does not pass requests on to https://elsewhere.example/x"),
        ("GET /guarded", {}, 500, "FUNCTION_INVOCATION_FAILED"),
        ("GET /last/5", {}, 200, "/last/5?nxtPid=5"),
        ("GET /page/?a=1", {}, 308, "/page?a=1"),
        ("GET /told", {"x-gone": "1", "x-more": "a"}, 200, "/told?kept=1&set=v"),
        ("GET /later", {}, 200, "/later?"),
        ("GET /users/ada%20%26%20co", {}, 200, "/users/ada & co?nxtPid=ada%20%26%20co"),
        ("GET /assets/old.js", {}, 404, "no such asset"),
        ("GET /404", {}, 404, "lost"),
        ("GET /caf%C3%A9.txt", {}, 200, "un café"),
    ],
)
def test_the_phases_of_a_real_framework(sandbox, clock, play, asked, headers, status, says):
    more = {
        **echoes("page", "users/[id]"), "static/lost": "lost", "static/about.html": "about us",
        "static/about.rsc": "tree of about", "static/assets/none.txt": "no such asset", "static/café.txt": "un café",
    }  # fmt: skip
    config = {"routes": ROUTES, "overrides": {"about.html": {"path": "about"}}}

    async def scenario(services):
        site = await serve(services, sandbox, clock, config, more)
        method, _, path = asked.partition(" ")
        answer = await site.request(method, path, headers=headers)
        assert answer.status_code == status
        assert says in answer.text + answer.headers.get("location", "")
        assert ("x-error" in answer.headers) == (says == "lost" and path != "/404") or path == "/404"
        if path.startswith("/users"):
            assert (answer.headers["x-both"], answer.headers["x-app"]) == ("route", "own")

    play(scenario)


PAGE = {
    "expiration": 60, "bypassToken": "b1", "fallback": {"type": "FileFsRef", "fsPath": "about.prerender-fallback.html"},
    "initialHeaders": {"x-prerendered": "1"}, "initialStatus": 203,
    "experimentalBypassFor": [{"type": "header", "key": "next-action"}],
}  # fmt: skip


def test_a_prerendered_page_is_served_until_it_expires_or_is_gone_past(sandbox, clock, play):
    async def scenario(services):
        more = {
            **echoes("about"), "functions/about.prerender-config.json": json.dumps(PAGE),
            "functions/about.prerender-fallback.html": "<p>from the build",
        }  # fmt: skip
        site = await serve(services, sandbox, clock, {}, more)
        answer = await site.get("/about")
        assert (answer.status_code, answer.text, answer.headers["x-prerendered"]) == (203, "<p>from the build", "1")
        assert (answer.headers["content-type"], answer.headers["x-vercel-cache"]) == (
            "text/html; charset=utf-8",
            "PRERENDER",
        )
        past = ({"next-action": "x"}, {"cookie": "__prerender_bypass=b1"})
        for headers in past:
            assert (await site.get("/about", headers=headers)).text == "/about?"
        assert (await site.post("/about")).text == "/about?"
        assert "build" in (await site.get("/about", headers={"x-prerender-revalidate": "wrong"})).text
        clock.tick(61)
        assert (await site.get("/about")).headers["x-vercel-cache"] == "STALE"

    play(scenario)


def test_a_page_without_a_fallback_is_its_function(sandbox, clock, play):
    async def scenario(services):
        config = {"functions/about.prerender-config.json": json.dumps({"expiration": False, "fallback": None})}
        site = await serve(services, sandbox, clock, {}, {**echoes("about"), **config})
        assert (await site.get("/about")).text == "/about?"

    play(scenario)


def test_an_expression_that_is_none_says_which(sandbox, clock, play):
    async def scenario(services):
        site = await serve(services, sandbox, clock, {"routes": [{"src": "/(", "dest": "/x"}]}, {})
        assert (await site.get("/")).status_code == 500
        assert "the route /( is no expression" in list(sandbox.core.traffic)[-1].message

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

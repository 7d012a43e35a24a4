"""Uploaded Node functions, through a real Node process."""

import asyncio
import base64
import json
import os
import shutil
import signal
import time
from pathlib import Path

import httpx
import pytest

from pipeline.sandbox import edgeruntime, ending, launch, nodefunctions, nodehost
from tests import processes
from tests.sandbox.fixtures import create

pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="there is no `node` on PATH")
OUT = ".vercel/output/"
HELPED = {"shouldAddHelpers": True}
LINK = 0o120777


@pytest.fixture(autouse=True)
def _no_process_is_left(sandbox):
    yield
    sandbox._runtime.close()


def function(name: str, code: str, file: str = "index.js", **settings: object) -> dict[str, str]:
    given = {"runtime": "nodejs22.x", "handler": file, "launcherType": "Nodejs", **settings}
    return {f"functions/{name}.func/.vc-config.json": json.dumps(given), f"functions/{name}.func/{file}": code}


async def serve(services, sandbox, clock, files, links=None, elsewhere=None, config=None):
    """Deploy functions; ``links`` are symbolic links by name, ``elsewhere`` files outside the output."""
    given = [{"file": OUT + "config.json", "data": json.dumps({"version": 3, **(config or {})})}]
    given += [{"file": OUT + name, "data": text} for name, text in files.items()]
    given += [{"file": name, "data": text} for name, text in (elsewhere or {}).items()]
    for name, target in (links or {}).items():
        sha = sandbox.core.blobs.put(target.encode())
        given.append({"file": name, "sha": sha, "size": len(target), "mode": LINK})
    made = await create(services, sandbox, files=given)
    clock.tick(1)
    return made["id"], services.at(made["url"])


HANDLERS = {
    "module.exports": ("module.exports = (req, res) => res.end('hello ' + req.url)", "index.js", {}),
    "exports.default": ("exports.default = async (req, res) => res.end('hello ' + req.url)", "index.cjs", {}),
    "an ES module": ("export default (req, res) => { res.end('hello ' + req.url) }", "index.mjs", {}),
    "GET": ("export const GET = (r) => new Response('hello ' + new URL(r.url).pathname)", "index.mjs", {}),
    "fetch": (
        "export default { fetch: (r) => new Response('hello ' + new URL(r.url).pathname) }",
        "index.mjs",
        {"supportsResponseStreaming": True},
    ),
    "useWebApi": (
        "module.exports = async (r) => new Response('hello ' + new URL(r.url).pathname)",
        "index.js",
        {"useWebApi": True},
    ),
    "helpers": ("module.exports = (req, res) => res.status(200).send('hello ' + req.url)", "index.js", HELPED),
}


@pytest.mark.parametrize("kind", HANDLERS)
def test_every_kind_of_handler_answers(sandbox, clock, play, kind):
    code, file, settings = HANDLERS[kind]

    async def scenario(services):
        _, site = await serve(services, sandbox, clock, function("index", code, file, **settings))
        answer = await site.get("/")
        assert (answer.status_code, answer.text) == (200, "hello /")
        assert (answer.headers["server"], "x-deployment-id" in answer.headers) == ("Vercel", True)

    play(scenario)


def test_helpers_read_query_cookies_and_bodies(sandbox, clock, play):
    code = """module.exports = async (req, res) => {
      let raw = ''; for await (const piece of req) raw += piece
      res.status(201).json({ query: req.query, cookies: req.cookies, body: req.body, raw: raw.length })
    }"""

    async def scenario(services):
        _, site = await serve(services, sandbox, clock, function("api", code, **HELPED))
        answer = await site.post("/api?a=1&a=2&b=3", json={"x": [1]}, headers={"cookie": "k=v%20w; l=m"})
        wanted = {"query": {"a": ["1", "2"], "b": "3"}, "cookies": {"k": "v w", "l": "m"}, "body": {"x": [1]}, "raw": 9}
        assert (answer.status_code, answer.json()) == (201, wanted)
        assert (await site.post("/api", data={"p": "q"})).json()["body"] == {"p": "q"}
        broken = await site.post("/api", content="{", headers={"content-type": "application/json"})
        assert (broken.status_code, broken.text) == (400, "Invalid JSON")

    play(scenario)


def test_a_web_handler_has_bodies_headers_and_methods(sandbox, clock, play):
    code = """export async function POST(request) {
      const file = (await request.formData()).get('file')
      const headers = new Headers({ 'x-name': file.name })
      headers.append('set-cookie', 'a=1'); headers.append('set-cookie', 'b=2')
      return new Response(await file.arrayBuffer(), { status: 202, headers })
    }"""

    async def scenario(services):
        _, site = await serve(services, sandbox, clock, function("api", code, "index.mjs"))
        sent = bytes(range(256)) * 4000
        answer = await site.post("/api", files={"file": ("a.bin", sent, "application/octet-stream")})
        assert (answer.status_code, answer.content == sent, answer.headers["x-name"]) == (202, True, "a.bin")
        assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
        assert (await site.get("/api")).status_code == 405

    play(scenario)


def test_an_answer_that_does_not_wait_for_the_body_arrives_all_the_same(sandbox, clock, play):
    async def scenario(services):
        code = "module.exports = (req, res) => { res.statusCode = 401; res.end('who are you?') }"
        _, site = await serve(services, sandbox, clock, function("index", code))
        for _ in range(20):
            answer = await site.post("/", content=bytes(2_000_000))
            assert (answer.status_code, answer.text) == (401, "who are you?")

    play(scenario)


def test_files_come_from_the_file_path_map_and_links_are_followed(sandbox, clock, play):
    code = "module.exports = (req, res) => res.end(require('dep') + require('./lib/own') + require('linked'))"
    mapped = {
        "node_modules/dep/index.js": "vendor/dep.js",
        "node_modules/linked": "node_modules/linked",
        "packages/linked/index.js": "packages/linked/index.js",
    }
    files = function("real", code, filePathMap=mapped) | {"functions/real.func/lib/own.js": "module.exports = 'own '"}
    elsewhere = {"vendor/dep.js": "module.exports = 'dep '", "packages/linked/index.js": "module.exports = 'linked'"}
    links = {
        "node_modules/linked": "../packages/linked",
        OUT + "functions/deep/alias.func": "../real.func",
        OUT + "functions/again.func": "deep/alias.func",
    }

    async def scenario(services):
        _, site = await serve(services, sandbox, clock, files, links, elsewhere)
        for path in ("/real", "/deep/alias", "/again"):
            assert (await site.get(path)).text == "dep own linked"

    play(scenario)


@pytest.mark.parametrize("target", ["../../../../../escaped", "/etc/passwd"])
def test_a_link_cannot_leave_its_functions_folder(sandbox, clock, play, target):
    async def scenario(services):
        files = function("index", "module.exports = (req, res) => res.end('ok')")
        _, site = await serve(services, sandbox, clock, files, {OUT + "functions/index.func/lib/out": target})
        assert (await site.get("/")).status_code == 500
        assert "leaves the function's folder" in list(sandbox.core.traffic)[-1].message

    play(scenario)


def test_a_file_of_the_map_that_was_not_uploaded_is_named(sandbox, clock, play):
    async def scenario(services):
        files = function("index", "", filePathMap={"a.js": "node_modules/a.js"})
        _, site = await serve(services, sandbox, clock, files)
        assert (await site.get("/")).status_code == 500
        assert "wants node_modules/a.js, which was not uploaded" in list(sandbox.core.traffic)[-1].message

    play(scenario)


FAILING = {
    "throws": ("module.exports = () => { throw new TypeError('no such row') }", "TypeError: no such row"),
    "rejects": ("module.exports = async () => { throw new RangeError('too far') }", "RangeError: too far"),
    "exits": ("module.exports = () => process.exit(3)", "Error: Node.js process exited with exit status: 3"),
    "throws later": (
        "module.exports = () => { setTimeout(() => { throw new TypeError('late') }, 400) }",
        "TypeError: late",
    ),
    "has a syntax error": ("module.exports = (", "SyntaxError: Unexpected"),
    "exports nothing": ("module.exports = 7", "TypeError: index.js exports no handler"),
    "has no file": ("", "TypeError: index.js exports no handler"),
}


@pytest.mark.parametrize("kind", FAILING)
def test_a_failure_is_a_500_a_log_line_and_an_issue(sandbox, clock, play, kind):
    code, says = FAILING[kind]

    async def scenario(services):
        _, site = await serve(services, sandbox, clock, function("index", code))
        answer = await site.get("/")
        assert (answer.status_code, answer.headers["x-vercel-error"]) == (500, "FUNCTION_INVOCATION_FAILED")
        assert says not in answer.text, "a visitor learns nothing of it"
        (hit,) = sandbox.core.traffic
        assert (hit.level, hit.status, says in hit.message) == ("error", 500, True), hit.message
        (issue,) = sandbox.state.sentry.issues
        assert issue.title.startswith(says)

    play(scenario)


def test_a_process_that_ended_is_started_again(sandbox, clock, play):
    code = "module.exports = (req, res) => req.url === '/?die' ? process.exit(1) : res.end('pid ' + process.pid)"

    async def scenario(services):
        _, site = await serve(services, sandbox, clock, function("index", code))
        first = (await site.get("/")).text
        assert (await site.get("/")).text == first, "it stays for the next request"
        assert (await site.get("/?die")).status_code == 500
        again = await site.get("/")
        assert (again.status_code, again.text != first) == (200, True)

    play(scenario)


def test_what_it_writes_is_in_the_runtime_log_of_its_request(sandbox, clock, play):
    code = """module.exports = async (req, res) => {
      console.log('begin ' + req.url); await new Promise((go) => setTimeout(go, 50))
      console.error('end ' + req.url); if (req.url === '/?bad') res.statusCode = 503; res.end()
    }"""

    async def scenario(services):
        id, site = await serve(services, sandbox, clock, function("index", code))
        await asyncio.gather(*(site.get(f"/?{n}") for n in range(3)))
        said = sorted(hit.message for hit in sandbox.core.traffic)
        assert said == [f"begin /?{n}\nend /?{n}" for n in range(3)]
        assert {hit.level for hit in sandbox.core.traffic} == {"info"}
        await site.get("/?bad")
        where = f"/v1/projects/{sandbox.state.vercel.project}/deployments/{id}/runtime-logs"
        assert "end /?bad" in (await services["vercel"].get(where)).text
        assert [issue.title for issue in sandbox.state.sentry.issues] == ["end /?bad"]

    play(scenario)


def test_a_function_finds_its_environment_and_nobody_elses(sandbox, clock, play, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_SANDBOX", "s")

    async def scenario(services):
        code = "module.exports = (req, res) => res.end(JSON.stringify(process.env))"
        id, site = await serve(services, sandbox, clock, function("index", code, environment={"OWN": "1"}))
        env = (await site.get("/")).json()
        assert env["DATABASE_URL"] == sandbox.core.database_url
        assert (env["VERCEL_DEPLOYMENT_ID"], env["VERCEL_ENV"], env["OWN"]) == (id, "production", "1")
        assert (len(env["VERCEL_GIT_COMMIT_SHA"]), env["VERCEL_URL"]) == (40, site.base_url.netloc.decode())
        assert "SECRET_OF_THE_SANDBOX" not in env

    play(scenario)


def test_the_platforms_headers_are_the_platforms(sandbox, clock, play):
    async def scenario(services):
        code = "module.exports = (req, res) => res.end(JSON.stringify([req.headers, req.rawHeaders]))"
        _, site = await serve(services, sandbox, clock, function("api/deep", code))
        forged = {"x-matched-path": "/admin", "x-real-ip": "6.6.6.6", "x-forwarded-proto": "gopher", "x-own": "1"}
        answer = await site.get("/api/deep?x=1", headers=forged)
        headers, raw = answer.json()
        host = site.base_url.netloc.decode()
        assert (headers["x-matched-path"], headers["x-real-ip"], headers["x-own"]) == ("/api/deep", "127.0.0.1", "1")
        assert (headers["x-forwarded-host"], headers["x-vercel-deployment-url"], headers["host"]) == (host, host, host)
        assert headers["x-forwarded-proto"] == "http"
        assert headers["x-vercel-id"] == answer.headers["x-vercel-id"]
        assert not any("sandbox" in name.lower() for name in raw[::2])

    play(scenario)


def test_a_page_below_a_base_path_is_told_its_name_without_it(sandbox, clock, play):
    """Next.js finds its page by this header, and answers 404 when the ``basePath`` is in it."""
    hit = {"continue": True, "important": True}
    routes = [
        {"handle": "hit"},
        {"src": "/shop/index(?:/)?", "headers": {"x-matched-path": "/"}, **hit},
        {"src": "/shop/((?!index$).*?)(?:/)?", "headers": {"x-matched-path": "/$1"}, **hit},
    ]

    async def scenario(services):
        code = "module.exports = (req, res) => res.end(req.url + ' ' + req.headers['x-matched-path'])"
        files = {**function("shop/form", code), **function("shop/index", code), **function("other", code)}
        _, site = await serve(services, sandbox, clock, files, config={"routes": routes})
        for path, page in (("/shop/form", "/form"), ("/shop/form/", "/form"), ("/shop/", "/"), ("/other", "/other")):
            answer = await site.get(path)
            assert (answer.text, answer.headers.get("x-matched-path", page)) == (f"{path} {page}", page)

    play(scenario)


def test_an_answer_streams_through_piece_by_piece(sandbox, clock, play):
    code = """module.exports = async (req, res) => {
      res.write('one '); await new Promise((go) => setTimeout(go, 150)); res.end('two')
    }"""

    async def scenario(services):
        id, _ = await serve(services, sandbox, clock, function("index", code))
        one, pieces = sandbox.state.vercel.deployments[id], []
        scope = {
            "type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "scheme": "http",
            "headers": [(b"host", b"x")], "client": ("127.0.0.1", 1),
        }  # fmt: skip

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            if message.get("body"):
                pieces.append((time.monotonic(), message["body"]))

        await sandbox._runtime.answer(scope, receive, send, one, True)
        (first, a), (second, b) = pieces
        assert (a, b) == (b"one ", b"two")
        assert second - first > 0.1

    play(scenario)


@pytest.mark.parametrize(
    "code",
    ["module.exports = () => {}", "module.exports = () => { for (;;) {} }"],
    ids=["waits", "never yields"],
)
def test_too_long_is_a_504_and_the_next_request_is_answered(sandbox, clock, play, code):
    async def scenario(services):
        code_ = f"const slow = {code.removeprefix('module.exports = ')}\n" + (
            "module.exports = (req, res) => req.url === '/?slow' ? slow() : res.end('well')"
        )
        _, site = await serve(services, sandbox, clock, function("index", code_, maxDuration=1))
        assert (await site.get("/")).text == "well"
        answer = await site.get("/?slow")
        assert (answer.status_code, answer.headers["x-vercel-error"]) == (504, "FUNCTION_INVOCATION_TIMEOUT")
        assert sandbox.state.sentry.issues[0].title == "Error: Task timed out after 1 seconds"
        assert (await site.get("/")).text == "well"

    play(scenario)


PID = "module.exports = (req, res) => res.end(String(process.pid))"


def running(pid: str) -> bool:
    return processes.state_of(pid) not in ("", "Z")


def ends(*pids: str, seconds: float = processes.LONGEST) -> bool:
    until = time.monotonic() + seconds
    while any(running(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(running(pid) for pid in pids)


def test_at_most_some_live_at_once_and_the_one_unused_for_longest_goes(sandbox, clock, play):
    async def scenario(services):
        names = [f"f{n}" for n in range(nodefunctions.MOST_ALIVE + 1)]
        files = {key: value for name in names for key, value in function(name, PID).items()}
        _, site = await serve(services, sandbox, clock, files)
        pids = [(await site.get(f"/{name}")).text for name in names]
        assert [running(pid) for pid in pids] == [False, *[True] * nodefunctions.MOST_ALIVE]
        assert (await site.get("/f0")).text not in pids

    play(scenario)


def test_its_process_ends_with_the_deployment(sandbox, clock, play):
    async def scenario(services):
        id, site = await serve(services, sandbox, clock, function("index", PID))
        pid = (await site.get("/")).text
        await services["vercel"].delete(f"/v13/deployments/{id}")
        assert await asyncio.to_thread(ends, pid)

    play(scenario)


def test_its_process_ends_when_nobody_asks_for_a_while(sandbox, clock, play, monkeypatch):
    monkeypatch.setattr(nodehost, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(nodehost, "LOOK_SECONDS", 0.1)

    async def scenario(services):
        _, site = await serve(services, sandbox, clock, function("index", PID))
        pid = (await site.get("/")).text
        assert await asyncio.to_thread(ends, pid)
        assert (await site.get("/")).text != pid

    play(scenario)


@pytest.fixture
def resting_soon(monkeypatch):
    monkeypatch.setattr(nodefunctions, "RESTING_SECONDS", 0.3)
    monkeypatch.setattr(nodefunctions, "MOST_RESTING", 2)
    monkeypatch.setattr(nodehost, "LOOK_SECONDS", 0.1)


def test_of_those_that_rest_the_last_used_stay(sandbox, clock, play, resting_soon):
    async def scenario(services):
        names = ["a", "b", "c", "d"]
        files = {key: value for name in names for key, value in function(name, PID).items()}
        _, site = await serve(services, sandbox, clock, files)
        pids = [(await site.get(f"/{name}")).text for name in names]
        assert await asyncio.to_thread(ends, *pids[:2])
        await asyncio.sleep(0.5)
        assert [running(pid) for pid in pids] == [False, False, True, True]
        assert (await site.get("/a")).text not in pids

    play(scenario)


def test_one_that_works_on_after_its_answer_does_not_rest(sandbox, clock, play, resting_soon):
    code = """module.exports = (req, res) => {
      const { waitUntil } = globalThis[Symbol.for("@vercel/request-context")].get()
      waitUntil(new Promise((done) => setTimeout(done, 2000)).then(() => require("node:fs").writeFileSync("done", "")))
      res.end(String(process.pid))
    }"""

    async def scenario(services):
        names = ["a", "b", "c"]
        files = {key: value for name in names for key, value in function(name, PID).items()}
        id, site = await serve(services, sandbox, clock, {**files, **function("later", code)})
        pids = [(await site.get(f"/{name}")).text for name in ("later", *names)]
        assert await asyncio.to_thread(ends, pids[0], pids[1])
        assert (sandbox.core.home / "functions" / id / "later" / "done").exists()

    play(scenario)


def test_garbage_does_not_grow_a_process(sandbox, clock, play):
    code = """const { getHeapSpaceStatistics } = require("node:v8")
    module.exports = (req, res) => {
      for (let kept = [], n = 0; n < 3e6; n++) if (kept.push({ n }) > 1e5) kept = []
      res.end(String(getHeapSpaceStatistics().find((space) => space.space_name === "new_space").space_size))
    }"""

    async def scenario(services):
        _, site = await serve(services, sandbox, clock, function("index", code))
        assert int((await site.get("/")).text) <= 17_000_000  # 34 as Node.js itself would have it

    play(scenario)


def test_a_watchdog_that_was_killed_is_replaced():
    first = ending.group()
    assert ending.group() == first
    os.kill(first, signal.SIGKILL)
    assert ends(str(first))
    second = ending.group()
    assert second != first
    assert running(str(second))


@pytest.mark.process
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_its_process_ends_with_the_sandbox_however_that_ends(tmp_path, by):
    """Also a function that never yields, which could not notice by itself."""
    home = tmp_path / "home"
    try:
        with launch.attach(home, timeout=60) as told:
            busy = (
                "module.exports = (req, res) => { res.end(String(process.pid)); setTimeout(() => { for (;;) {} }, 99) }"
            )
            files = {"config.json": '{"version": 3}', **function("index", PID), **function("busy", busy)}
            given = [
                {"file": OUT + name, "data": base64.b64encode(text.encode()).decode(), "encoding": "base64"}
                for name, text in files.items()
            ]
            body = {"name": "lms", "target": "production", "autoAssignCustomDomains": False, "files": given}
            headers = {"authorization": f"Bearer {told['tokens']['vercel']}"}
            made = httpx.post(told["urls"]["vercel"] + "/v13/deployments?prebuilt=1", json=body, headers=headers).json()
            site = "http://" + made["url"]
            until = time.monotonic() + 10
            while httpx.get(site).status_code != 200 and time.monotonic() < until:
                time.sleep(0.1)
            pids = [httpx.get(site).text, httpx.get(site + "/busy").text]
            assert all(running(pid) for pid in pids)
            time.sleep(0.2)
            os.kill(told["pid"], by)
            assert ends(*pids)
    finally:
        launch.reset(home)


TOO_MUCH = """import { PassThrough, Transform, pipeline } from 'node:stream'
export default (req, res) => {
  let size = 0
  const limit = new Transform({
    transform: (chunk, _, done) => done((size += chunk.length) > 100_000 ? Error() : null),
  })
  pipeline(req, limit, new PassThrough(), () => { res.statusCode = 401; res.end('who are you?') })
  setTimeout(() => res.end('never read to its end'), 9_000).unref()
}"""
REPLACED = """import { Readable } from 'node:stream'
export default (req, res) => {
  const other = new Readable({ read() {} })
  for (const key in other) req[key] = typeof other[key] === 'function' ? other[key].bind(req) : other[key]
  res.statusCode = 401
  res.end('who are you?')
}"""
UNREAD = {
    "but by another stream in its place, as Next.js has it behind middleware": REPLACED,
    "not at all": "export const POST = (request) => new Response('who are you?', { status: 401 })",
    "up to a limit, as Next.js reads what actions are sent": TOO_MUCH,
}


@pytest.mark.parametrize("code", UNREAD.values(), ids=UNREAD)
def test_a_body_that_nobody_read_does_not_stand_in_the_way_of_the_next_request(sandbox, clock, play, code):
    async def scenario(services):
        _, site = await serve(services, sandbox, clock, function("index", code, "index.mjs"))
        for _ in range(3):
            answer = await asyncio.wait_for(site.post("/", content=b"x" * 1_000_000), 15)
            assert (answer.status_code, answer.text) == (401, "who are you?")

    play(scenario)


EDGE = {"runtime": "edge", "entrypoint": "index.js", "deploymentTarget": "v8-worker"}
needs_edge = pytest.mark.skipif(
    edgeruntime.EdgeRuntime(Path("/nowhere")).package is None,
    reason="@edge-runtime/vm is not installed in pipeline/sandbox/edge: ./inv test --wide",
)


@needs_edge
def test_an_edge_function_has_web_standards_and_little_of_node(sandbox, clock, play):
    code = """import { word } from "./word.js"
    export default async (request, context) => {
      context.waitUntil(Promise.resolve().then(() => console.log("afterwards")))
      const told = { word, method: request.method, body: await request.text(), url: new URL(request.url).search,
        edge: typeof EdgeRuntime, env: process.env.COLOUR, eval: "", fs: "" }
      try { eval("1") } catch (error) { told.eval = error.name }
      try { require("node:fs") } catch (error) { told.fs = error.message }
      const headers = new Headers({ "x-kind": "edge" })
      headers.append("set-cookie", "a=1"); headers.append("set-cookie", "b=2")
      return new Response(JSON.stringify(told), { status: 202, headers })
    }"""

    async def scenario(services):
        files = {**function("api", code, **EDGE, environment={"COLOUR": "red"})}
        files["functions/api.func/word.js"] = "export const word = 'imported'"
        _, site = await serve(services, sandbox, clock, files)
        answer = await site.post("/api?a=1", content=b"sent")
        assert (answer.status_code, answer.headers["x-kind"]) == (202, "edge")
        assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
        told = {"word": "imported", "method": "POST", "body": "sent", "url": "?a=1", "edge": "string", "env": "red"}
        assert answer.json() == {**told, "eval": "EvalError", "fs": "The edge runtime has no module node:fs"}
        assert "afterwards" in list(sandbox.core.traffic)[-1].message

    play(scenario)


@needs_edge
def test_an_edge_function_finds_what_the_build_has_put_beside_it(sandbox, clock, play):
    code = """import imported from "./wasm/wasm_1.wasm?module"
    const asked = require("/wasm/wasm_1.wasm")
    export default async () => {
      const words = await fetch(new URL("blob:own/words.txt"))
      const told = { exports: [asked, imported].map(WebAssembly.Module.exports), words: await words.text() }
      for (const name of ["blob:own/none.txt", "blob:toString"])
        told[name] = await fetch(name).catch((error) => error.name)
      return new Response(JSON.stringify(told))
    }"""

    async def scenario(services):
        asset = {"name": "own/words.txt", "path": "assets/own/words.txt"}
        files = {**function("api", code, **EDGE, assets=[asset])}
        files["functions/api.func/assets/own/words.txt"] = "an asset"
        files["functions/api.func/wasm/wasm_1.wasm"] = "\0asm\1\0\0\0"  # a module with nothing in it
        _, site = await serve(services, sandbox, clock, files)
        told = (await site.get("/api")).json()
        assert told == {
            "exports": [[], []],
            "words": "an asset",
            "blob:own/none.txt": "TypeError",
            "blob:toString": "TypeError",
        }

    play(scenario)


@needs_edge
def test_edge_middleware_guards_and_one_that_throws_is_named(sandbox, clock, play):
    code = """export default (request) => {
      if (request.headers.get("x-bad")) throw new TypeError("no guard")
      return new Response(null, { headers: { "x-middleware-rewrite": new URL("/inside", request.url).href } })
    }"""

    async def scenario(services):
        files = {**function("middleware", code, **EDGE), "static/inside": "let in"}
        routes = [{"src": "/door", "middlewarePath": "middleware", "continue": True}, {"handle": "filesystem"}]
        _, site = await serve(services, sandbox, clock, files, config={"routes": routes})
        assert (await site.get("/door")).text == "let in"
        answer = await site.get("/door", headers={"x-bad": "1"})
        assert (answer.status_code, answer.headers["x-vercel-error"]) == (500, "MIDDLEWARE_INVOCATION_FAILED")
        assert "TypeError: no guard" in list(sandbox.core.traffic)[-1].message

    play(scenario)


def test_without_its_runtime_an_edge_function_says_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(edgeruntime, "STAMP", Path("node_modules") / "none")
    before = os.environ["PATH"]
    monkeypatch.setenv("PATH", str(tmp_path))
    runtime = edgeruntime.EdgeRuntime(tmp_path / "edge")
    assert runtime.missing() == "there is no `npm` on PATH to install @edge-runtime/vm with"
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho no registry >&2\nexit 7\n")
    npm.chmod(0o755)
    assert runtime.missing() == f"`npm ci` in {tmp_path / 'edge'} ended with 7: no registry"
    npm.write_text(f"#!/bin/sh\n{shutil.which('mkdir', path=before)} -p node_modules\n")
    monkeypatch.setattr(edgeruntime, "STAMP", Path("node_modules") / ".installed.json")
    monkeypatch.setattr(
        edgeruntime,
        "LOCKED",
        shutil.copytree(edgeruntime.LOCKED, tmp_path / "locked", ignore=shutil.ignore_patterns("node_modules")),
    )
    assert runtime.missing() == ""
    assert runtime.package == tmp_path / "edge" / edgeruntime.PACKAGE


def test_functions_share_a_data_cache_until_a_tag_is_revalidated(sandbox, clock, play):
    code = """module.exports = async (req, res) => {
      const { FetchCache } = globalThis[Symbol.for("@next/cache-handlers")]
      const cache = new FetchCache(), asked = { kind: "FETCH", tags: ["courses"], softTags: ["_N_T_/x"] }
      const { searchParams } = new URL(req.url, "http://x")
      const [name, value] = [...searchParams][0]
      if (name === "keep") await cache.set("k", { kind: "FETCH", data: value }, { tags: ["courses"] })
      if (name === "renew") await cache.revalidateTag(value, searchParams.has("later") ? { expire: 60 } : undefined)
      if (name !== "get") await new Promise((done) => setTimeout(done, 2))
      res.end((await cache.get("k", asked))?.value.data ?? "nothing")
    }"""

    async def scenario(services):
        _, site = await serve(services, sandbox, clock, {**function("a", code), **function("b", code)})
        assert (await site.get("/a?get=1")).text == "nothing"
        assert (await site.get("/a?keep=algebra")).text == "algebra"
        assert (await site.get("/b?get=1")).text == "algebra"
        assert (await site.get("/b?renew=history")).text == "algebra"
        for told in ("/b?renew=courses", "/b?renew=_N_T_/x&later=1"):
            assert (await site.get(told)).text == "nothing"
            assert (await site.get("/a?get=1")).text == "nothing"
            assert (await site.get("/a?keep=again")).text == "again"

    play(scenario)

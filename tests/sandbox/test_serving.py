"""What stands between a visitor and a function: middleware, pages that are kept, files and pictures, limits."""

import asyncio
import hashlib
import json

import pytest

from tests.sandbox.fixtures import create

OUT = ".vercel/output/"
GUARD = """
async def app(scope, receive, send):
    sent = {name.decode(): value.decode() for name, value in scope["headers"]}
    said = eval(sent["x-say"])
    if said == "raise":
        raise RuntimeError("asleep")
    status, headers, body = said
    await send({"type": "http.response.start", "status": status,
                "headers": [(n.encode(), v.encode()) for n, v in headers]})
    await send({"type": "http.response.body", "body": body})
"""
PAGE = """
counted = []

async def app(scope, receive, send):
    counted.append(1)
    headers = {n.decode(): v.decode() for n, v in scope["headers"]}
    body = (await receive()).get("body", b"").decode()
    told = {k: headers[k] for k in ("x-told", "x-secret", "cookie", "authorization") if k in headers}
    text = f"{len(counted)} {scope['path']}?{scope['query_string'].decode()} {told} {body}"
    extra = [(b"cache-control", environ["CACHE"].encode())] if environ.get("CACHE") else []
    extra += [(b"set-cookie", b"own=1")] if "cookie" in environ.get("CACHE", "") else []
    extra += [(b"x-next-cache-tags", b"courses,_N_T_/page")]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain"), *extra]})
    await send({"type": "http.response.body", "body": text.encode()})
"""


def function(name: str, code: str) -> dict[str, str]:
    settings = json.dumps({"runtime": "python3.12", "handler": "main.app"})
    return {f"functions/{name}.func/.vc-config.json": settings, f"functions/{name}.func/main.py": code}


async def serve(services, sandbox, clock, files: dict[str, str], config: dict | None = None, env=None):
    given = {"config.json": json.dumps({"version": 3, **(config or {})}), **files}
    sent = [{"file": OUT + name, "data": text} for name, text in given.items()]
    made = await create(services, sandbox, files=sent)
    sandbox.state.vercel.deployments[made["id"]].env.update(env or {})
    clock.tick(1)
    return made["id"], services.at(made["url"])


GUARDED = {
    "routes": [
        {"src": "/old", "headers": {"Location": "/new"}, "status": 308, "continue": True},
        {"src": "/.*", "middlewarePath": "_middleware", "continue": True, "override": True},
        {"src": "/(.*)", "headers": {"x-team": "acme"}, "continue": True},
        {"handle": "filesystem"},
    ]
}
ON = ("x-middleware-next", "1")


@pytest.mark.parametrize(
    ("said", "status", "text", "headers"),
    [
        ((200, [ON, ("x-proxied", "yes")], b""), 200, "/page?a=1", {"x-proxied": "yes", "x-team": "acme"}),
        ((200, [("x-middleware-rewrite", "/file.txt")], b""), 200, "a file", {"x-team": "acme"}),
        ((200, [("x-middleware-rewrite", "http://{host}/page?b=2")], b""), 200, "/page?b=2", {}),
        ((200, [("x-middleware-rewrite", "https://else.example/x")], b""), 501, "https://else.example/x", {}),
        ((307, [("location", "/login")], b""), 307, "", {"location": "/login"}),
        ((403, [("content-type", "text/plain")], b"not you"), 403, "not you", {"content-type": "text/plain"}),
        ("raise", 500, "MIDDLEWARE_INVOCATION_FAILED", {}),
    ],
)
def test_middleware_lets_pass_leads_elsewhere_or_answers(sandbox, clock, play, said, status, text, headers):
    async def scenario(services):
        files = {**function("_middleware", GUARD), **function("page", PAGE), "static/file.txt": "a file"}
        _, site = await serve(services, sandbox, clock, files, GUARDED)
        host = site.base_url.netloc.decode()
        answer = await site.get("/page?a=1", headers={"x-say": repr(said).replace("{host}", host)})
        assert (answer.status_code, text in answer.text) == (status, True), answer.text
        assert headers.items() <= dict(answer.headers).items()
        assert not [name for name in answer.headers if name.startswith("x-middleware")]

    play(scenario)


def test_middleware_changes_what_functions_are_told_and_sets_cookies_beside_theirs(sandbox, clock, play):
    async def scenario(services):
        files = {**function("_middleware", GUARD), **function("page", PAGE)}
        _, site = await serve(services, sandbox, clock, files, GUARDED, {"CACHE": "cookie"})
        headers = [
            ON,
            ("x-middleware-override-headers", "host,x-told"),
            ("x-middleware-request-x-told", "by the guard"),
        ]
        headers += [("x-middleware-request-host", "h"), ("set-cookie", "a=1"), ("set-cookie", "b=2")]
        sent = {"x-say": repr((200, headers, b"")), "x-secret": "1", "x-told": "by a visitor"}
        answer = await site.post("/page", headers=sent, content=b"the body")
        assert "{'x-told': 'by the guard'} the body" in answer.text
        assert answer.headers.get_list("set-cookie") == ["own=1", "a=1", "b=2"]

    play(scenario)


def test_what_a_route_with_parameters_answers_has_one_name_for_sentry(sandbox, clock, play):
    config = {"routes": [{"handle": "rewrite"}, {"src": "/notes/[^/]+", "dest": "/notes/[id]", "check": True}]}

    async def scenario(services):
        files = {**function("notes/[id]", PAGE), **function("page", PAGE), **function("no/[id]", "1 / 0")}
        config["routes"].append({"src": "/no/[^/]+", "dest": "/no/[id]", "check": True})
        _, site = await serve(services, sandbox, clock, files, config)
        for path in ("/notes/1", "/notes/2", "/page", "/no/1", "/no/2"):
            await site.get(path)
        named = [(hit.path, hit.transaction) for hit in sandbox.core.traffic]
        assert named[:3] == [("/notes/1", "GET /notes/[id]"), ("/notes/2", "GET /notes/[id]"), ("/page", "GET /page")]
        (issue,) = [one for one in sandbox.state.sentry.issues if "ZeroDivision" in one.title]
        assert issue.culprit == "GET /no/[id]"

    play(scenario)


def test_what_an_answer_varies_by_is_all_that_anybody_says(sandbox, clock, play):
    code = PAGE.replace('(b"content-type", b"text/plain")', '(b"content-type", b"text/plain"), (b"vary", b"rsc")')

    async def scenario(services):
        files = {**function("_middleware", GUARD), **function("page", code)}
        _, site = await serve(services, sandbox, clock, files, GUARDED)
        answer = await site.get("/page", headers={"x-say": repr((200, [ON, ("vary", "x-path")], b""))})
        assert answer.headers.get_list("vary", split_commas=True) == ["rsc", "x-path"]

    play(scenario)


def test_cookies_of_middleware_are_read_at_once_and_are_not_sent_twice(sandbox, clock, play):
    async def scenario(services):
        page = PAGE.replace('"x-secret"', '"x-secret", "x-middleware-set-cookie"')
        _, site = await serve(
            services,
            sandbox,
            clock,
            {**function("_middleware", GUARD), **function("page", page)},
            GUARDED,
            {"CACHE": "cookie"},
        )
        headers = [ON, ("set-cookie", "own=1"), ("set-cookie", "a=1"), ("x-middleware-set-cookie", "own=1,a=1")]
        answer = await site.get("/page", headers={"x-say": repr((200, headers, b""))})
        assert "{'x-middleware-set-cookie': 'own=1,a=1'}" in answer.text
        assert answer.headers.get_list("set-cookie") == ["own=1", "a=1"]
        assert "x-middleware-set-cookie" not in answer.headers

    play(scenario)


def test_middleware_is_asked_behind_a_route_that_only_transforms(sandbox, clock, play):
    """So the build writes the routes of server actions: who sends the header of one must not pass by the guard."""
    told = {"type": "request.headers", "op": "set", "target": {"key": "x-told"}, "args": "an action"}
    action = {"src": "/(.*)", "has": [{"type": "header", "key": "next-action", "value": "f00"}], "transforms": [told]}

    async def scenario(services):
        files = {**function("_middleware", GUARD), **function("page", PAGE)}
        _, site = await serve(services, sandbox, clock, files, {"routes": [action, *GUARDED["routes"]]})
        headers = {"next-action": "f00", "x-say": repr((403, [], b"not you"))}
        assert (await site.post("/page", headers=headers)).status_code == 403
        passed = await site.post("/page", headers={**headers, "x-say": repr((200, [ON], b""))})
        assert "{'x-told': 'an action'}" in passed.text

    play(scenario)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_file_is_only_read(sandbox, clock, play, method):
    async def scenario(services):
        _, site = await serve(services, sandbox, clock, {"static/a.txt": "a file"})
        answer = await site.request(method, "/a.txt")
        assert (answer.status_code, answer.headers["x-vercel-error"]) == (405, "INVALID_REQUEST_METHOD")
        assert (await site.head("/a.txt")).status_code == 200
        assert (await site.request(method, "/none.txt")).status_code == 404

    play(scenario)


def test_a_redirect_of_the_configuration_needs_no_middleware(sandbox, clock, play):
    async def scenario(services):
        _, site = await serve(services, sandbox, clock, function("_middleware", GUARD), GUARDED)
        answer = await site.get("/old", headers={"x-say": repr("raise")})
        assert (answer.status_code, answer.headers["location"]) == (308, "/new")

    play(scenario)


def kept(**config: object) -> dict[str, str]:
    given = {"expiration": 60, "bypassToken": "b1", "allowQuery": ["id"], **config}
    return {**function("page", PAGE), "functions/page.prerender-config.json": json.dumps(given)}


async def asked(site, path: str, **headers: str) -> tuple[str, str]:
    """What the cache says, and which call of the function made the page."""
    answer = await site.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    await asyncio.sleep(0)  # what is made anew meanwhile
    return answer.headers["x-vercel-cache"], answer.text.split()[0]


def test_a_page_is_made_once_served_stale_and_made_anew(sandbox, clock, play):
    async def scenario(services):
        _, site = await serve(services, sandbox, clock, kept(), env={"CACHE": "s-maxage=10, stale-while-revalidate"})
        assert await asked(site, "/page?id=1&other=2") == ("MISS", "1")
        assert await asked(site, "/page?id=1&other=3") == ("HIT", "1")
        assert await asked(site, "/page?id=2") == ("MISS", "2")
        clock.tick(11)
        assert await asked(site, "/page?id=1") == ("STALE", "1")
        assert await asked(site, "/page?id=1") == ("HIT", "3")
        assert await asked(site, "/page?id=1", x_prerender_revalidate="b1") == ("REVALIDATED", "4")
        assert await asked(site, "/page?id=1") == ("HIT", "4")
        answer = await site.get("/page?id=1")
        assert answer.headers["cache-control"] == "public, max-age=0, must-revalidate"
        assert "x-next-cache-tags" not in answer.headers

    play(scenario)


def router(suffix: str) -> dict[str, object]:
    return {
        "src": "/(.+?)/?",
        "has": [{"type": "header", "key": "rsc", "value": suffix}],
        "dest": f"/$1{suffix}",
        "continue": True,
        "override": True,
    }


@pytest.mark.parametrize("suffix", [".rsc", ".segments/_tree.segment.rsc"])
def test_what_the_router_asks_for_is_made_by_the_path_that_says_so(sandbox, clock, play, suffix):
    """Next.js knows by it alone that no HTML is wanted: the headers of a visitor are not shown to what is for all."""

    async def scenario(services):
        files = {**function(f"page{suffix}", PAGE), f"functions/page{suffix}.prerender-config.json": "{}"}
        routes = [router(suffix), {"handle": "filesystem"}]
        _, site = await serve(services, sandbox, clock, {**kept(), **files}, {"routes": routes})
        assert (await site.get("/page")).text.split()[1] == "/page?"
        assert (await site.get("/page?_rsc=1", headers={"rsc": suffix})).text.split()[1] == f"/page{suffix}?_rsc=1"
        assert (await site.get("/page/?_rsc=2", headers={"rsc": suffix})).text.split()[1] == f"/page{suffix}?_rsc=2"

    play(scenario)


def test_a_kept_page_that_the_visitor_has_is_not_sent_again(sandbox, clock, play):
    async def scenario(services):
        _, site = await serve(services, sandbox, clock, kept())
        etag = (await site.get("/page")).headers["etag"]
        for known in (etag, f'"x", W/{etag}', "*"):
            answer = await site.get("/page", headers={"if-none-match": known})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
        assert (await site.get("/page", headers={"if-none-match": '"x"'})).status_code == 200
        assert (await site.get("/page?id=2")).headers["etag"] != etag

    play(scenario)


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("//a.txt", "/a.txt"),
        ("/shop//a.txt?b=1", "/shop/a.txt?b=1"),
        ("/shop\\a//", "/shop/a/"),
        ("//else.example/x", "/else.example/x"),
    ],
)
def test_slashes_that_are_repeated_are_one(sandbox, clock, play, path, where):
    async def scenario(services):
        _, site = await serve(services, sandbox, clock, {"static/a.txt": "a file"})
        answer = await site.get(str(site.base_url) + path)
        assert (answer.status_code, answer.headers["location"]) == (308, where)
        assert (await site.get("/a.txt?where=//b")).status_code == 200

    play(scenario)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.js", "application/javascript; charset=utf-8"),
        ("a.mjs", "application/javascript; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.woff2", "font/woff2"),
        ("a.webp", "image/webp"),
        ("a.xml", "application/xml"),
        ("a.unheard-of", "application/octet-stream"),
    ],
)
def test_the_type_of_a_file_is_the_same_on_every_machine(sandbox, clock, play, name, kind):
    async def scenario(services):
        _, site = await serve(services, sandbox, clock, {f"static/{name}": "a file"})
        assert (await site.get(f"/{name}")).headers["content-type"] == kind

    play(scenario)


def test_what_is_kept_knows_no_visitor_and_what_is_for_one_is_not_kept(sandbox, clock, play):
    async def scenario(services):
        private = {"CACHE": "private, cookie"}
        _, site = await serve(services, sandbox, clock, kept(), env=private)
        headers = {"cookie": "session=1", "authorization": "Bearer x", "x-told": "mine"}
        answer = await site.get("/page", headers=headers)
        assert "{}" in answer.text
        assert await asked(site, "/page") == ("MISS", "2")

    play(scenario)


@pytest.mark.parametrize(("tag", "expired", "then"), [("courses", 0, "STALE"), ("courses", 1, "MISS"), ("x", 1, "HIT")])
def test_a_tag_that_was_revalidated_makes_its_pages_old(sandbox, clock, play, tag, expired, then):
    async def scenario(services):
        id, site = await serve(services, sandbox, clock, kept(expiration=False))
        assert await asked(site, "/page") == ("MISS", "1")
        clock.tick(5)
        moment = clock.now() * 1000
        folder = sandbox.core.home / "datacache" / id / "tags"
        folder.mkdir(parents=True)
        name = hashlib.sha1(tag.encode()).hexdigest()
        (folder / name).write_text(json.dumps({"stale": moment, "expired": moment * expired}))
        assert (await asked(site, "/page"))[0] == then
        assert await asked(site, "/page") == ("HIT", "1" if then == "HIT" else "2")

    play(scenario)


def test_a_file_is_sent_whole_in_part_or_not_again(sandbox, clock, play):
    async def scenario(services):
        _, site = await serve(services, sandbox, clock, {"static/a.txt": "0123456789"})
        whole = await site.get("/a.txt")
        assert (whole.text, whole.headers["accept-ranges"]) == ("0123456789", "bytes")
        again = await site.get("/a.txt", headers={"if-none-match": f"W/{whole.headers['etag']}"})
        assert (again.status_code, again.content) == (304, b"")
        for wanted, status, text, where in (
            ("bytes=2-4", 206, "234", "bytes 2-4/10"),
            ("bytes=-3", 206, "789", "bytes 7-9/10"),
            ("bytes=8-99", 206, "89", "bytes 8-9/10"),
            ("bytes=10-", 416, "", "bytes */10"),
        ):
            part = await site.get("/a.txt", headers={"range": wanted})
            assert (part.status_code, part.text, part.headers["content-range"]) == (status, text, where)

    play(scenario)


IMAGES = {
    "images": {
        "sizes": [64, 128],
        "qualities": [75],
        "localPatterns": [{"pathname": "^/art/.*$"}],
        "domains": ["a.example"],
    }
}


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("url=/art/a.png&w=64&q=75", 200, "a picture"),
        ("url=/art/none.png&w=64&q=75", 404, "NOT_FOUND"),
        ("url=/other/a.png&w=64&q=75", 400, '"url" parameter is not allowed'),
        ("url=//evil.example/a.png&w=64&q=75", 400, '"url" parameter is invalid'),
        ("w=64&q=75", 400, '"url" parameter is required'),
        ("url=/art/a.png&w=65&q=75", 400, '"w" parameter (width) of 65 is not allowed'),
        ("url=/art/a.png&q=75", 400, '"w" parameter (width) is required'),
        ("url=/art/a.png&w=64", 400, '"q" parameter (quality) is required'),
        ("url=/art/a.png&w=64&q=76", 400, '"q" parameter (quality) of 76 is not allowed'),
        ("url=https://b.example/a.png&w=64&q=75", 400, '"url" parameter is not allowed'),
        ("url=https://a.example/a.png&w=64&q=75", 501, "does not fetch pictures from a.example"),
    ],
)
def test_a_picture_is_given_as_it_is_where_the_app_allows_it(sandbox, clock, play, query, status, says):
    async def scenario(services):
        files = {"static/art/a.png": "a picture", "static/other/a.png": "another"}
        _, site = await serve(services, sandbox, clock, files, IMAGES)
        answer = await site.get(f"/_next/image?{query}")
        assert (answer.status_code, says in answer.text) == (status, True), answer.text
        assert ("as it is" in answer.headers.get("x-sandbox-image", "")) == (status == 200)

    play(scenario)


def test_a_picture_is_found_below_a_base_path(sandbox, clock, play):
    routes = [{"handle": "filesystem"}, {"src": "/shop/_next/image/?", "dest": "/_next/image", "check": True}]

    async def scenario(services):
        _, site = await serve(services, sandbox, clock, {"static/art/a.png": "a picture"}, {**IMAGES, "routes": routes})
        answer = await site.get("/shop/_next/image/?url=/art/a.png&w=64&q=75")
        assert (answer.status_code, answer.text, answer.headers["vary"]) == (200, "a picture", "Accept")
        assert (await site.get("/shop/_next/image?url=/art/a.png&w=65&q=75")).status_code == 400
        assert (await site.get("/shop/_next/image?url=/art/none.png&w=64&q=75")).status_code == 404

    play(scenario)


def test_the_page_of_a_folder_is_its_index(sandbox, clock, play):
    async def scenario(services):
        _, site = await serve(services, sandbox, clock, {**function("shop/index", PAGE), **function("shop/a", PAGE)})
        for path in ("/shop", "/shop/", "/shop/index", "/shop/a"):
            assert (await site.get(path)).status_code == 200, path
        assert (await site.get("/shop/b")).status_code == 404

    play(scenario)


def test_a_body_that_is_larger_than_a_function_takes_is_refused(sandbox, clock, play):
    async def scenario(services):
        _, site = await serve(services, sandbox, clock, function("page", PAGE))
        assert (await site.post("/page", content=b"x" * 4_500_000)).status_code == 200
        answer = await site.post("/page", content=b"x" * 4_500_001)
        assert (answer.status_code, answer.headers["x-vercel-error"]) == (413, "FUNCTION_PAYLOAD_TOO_LARGE")

    play(scenario)


FREQUENT = {"crons": [{"path": "/api/cron", "schedule": "*/10 * * * *"}]}


@pytest.mark.parametrize(
    ("plan", "config", "settings", "says"),
    [
        ("pro", FREQUENT, {}, ""),
        ("hobby", FREQUENT, {}, "Hobby accounts are limited to daily cron jobs. This cron expression (*/10 * * * *)"),
        ("hobby", {}, {"maxDuration": 301}, "must have a maxDuration between 1 and 300 for plan hobby"),
        ("pro", {}, {"maxDuration": 301}, ""),
        ("pro", {"routes": [{"src": "/x", "dest": "/y"}] * 2049}, {}, "Maximum number of routes is 2048"),
        ("hobby", {}, {"runtime": "edge", "entrypoint": "index.js"}, "and your plan size limit is 1 MB"),
    ],
)
def test_a_build_past_the_plan_fails(sandbox, clock, play, plan, config, settings, says):
    noise = "".join(hashlib.sha256(str(number).encode()).hexdigest() for number in range(40_000))

    async def scenario(services):
        sandbox.state.vercel.plan = plan
        given = json.dumps({"runtime": "nodejs22.x", "handler": "index.js", **settings})
        files = {"functions/api/a.func/.vc-config.json": given, "functions/api/a.func/index.js": noise}
        id, _ = await serve(services, sandbox, clock, files, config)
        error = sandbox.state.vercel.deployments[id].error
        assert bool(error) == bool(says)
        assert says in "".join(error)

    play(scenario)

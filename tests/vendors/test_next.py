"""A real Next.js app: built by Vercel's command line, deployed to the sandbox, served by Node.

The app is in ``tests/nextapp``; it is the sandbox's demo app once more, with the same database and the same pages.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pipeline.sandbox import launch
from tests.vendors import agreement
from tests.vendors.nextapp import APP, build, next_start, release
from tests.vendors.world import World, needs_npm
from tests.whole.test_process import Checkout, Up

COMMIT = "0e37" * 10
AGREED = 0.95

pytestmark = [
    pytest.mark.wide,
    pytest.mark.process,
    needs_npm,
    pytest.mark.skipif(
        not (APP / "node_modules" / "next").is_dir(),
        reason="Next.js is not installed in tests/nextapp: ./inv test --wide",
    ),
]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app as ``vercel build --prod`` leaves it, with the migrations of the demo app; once for all test workers."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    folder = shared / "next" / "lms"
    with (shared / "next.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".vercel/output/config.json").is_file():
            build(folder)
    return folder


@pytest.fixture(scope="module")
def site(served: World, built: Path) -> Iterator[httpx.Client]:
    """The app on its own address, uploaded by Vercel's command line."""
    with release(built, served.home / "lms", served.project, served.team) as folder:
        ran = served.run("deploy", "--prebuilt", "--prod", "--skip-domain", "--yes", folder=folder)
    assert ran.code == 0, ran.err
    with httpx.Client(base_url=ran.out.replace("https:", "http:"), timeout=30, trust_env=False) as client:
        served.until(lambda: client.get("/").status_code == 200)
        yield client


@pytest.fixture(scope="module")
def plain(served: World, built: Path) -> Iterator[str]:
    """The address of the same build under ``next start``, with the same database."""
    description = launch.running(served.home / "home")
    assert description
    variables = {"DATABASE_URL": description["database_url"], "NEXTAUTH_URL": served.urls["production"]}
    with next_start(built, served.home / "plain", variables) as address:
        yield address


@pytest.fixture(scope="module")
def account(served: World) -> dict[str, str]:
    headers = {"authorization": f"Bearer {served.tokens['control']}"}
    found: dict[str, str] = served.web.get(served.urls["control"] + "/", headers=headers).json()["student"]
    return found


@pytest.fixture
def student(account: dict[str, str], site: httpx.Client) -> Iterator[httpx.Client]:
    """Signed in through NextAuth, as a browser does it."""
    with httpx.Client(base_url=site.base_url, timeout=30, trust_env=False) as client:
        assert sign_in(client, account).status_code == 200
        yield client


def sign_in(client: httpx.Client, account: dict[str, str]) -> httpx.Response:
    form = {**account, "csrfToken": client.get("/api/auth/csrf").json()["csrfToken"], "json": "true"}
    return client.post("/api/auth/callback/credentials", data=form)


def test_pages_come_from_next_and_from_the_database(site: httpx.Client) -> None:
    home = site.get("/")
    assert (home.status_code, home.headers["x-powered-by"], home.headers["server"]) == (200, "Next.js", "Vercel")
    assert len(home.headers.get_list("date")) == 1
    assert re.search(r"<h1>Courses</h1>.*Algebra 1.*3 lessons · Ada Okafor", home.text, re.DOTALL)
    login = site.get("/login")
    assert (login.status_code, "Sign in" in login.text) == (200, True)


def test_the_health_check_says_which_build_it_is(served: World, site: httpx.Client) -> None:
    answer = site.get("/api/health/db")
    said = answer.json()
    assert (answer.status_code, said["status"], said["database"]) == (200, "ok", "ok")
    assert said["deployment"] == answer.headers["x-deployment-id"]
    assert said["schema"] == "20260201000000_enrolment"
    assert site.get("/api/cron/nightly").json() == {"ok": True, "lessons": 9}


def test_files_scripts_and_the_page_for_what_is_not_there(site: httpx.Client) -> None:
    style = site.get("/app.css")
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
    script = re.findall(r'src="(/_next/static/[^"]+\.js)"', site.get("/login").text)[0]
    answer = site.get(script)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "public,max-age=31536000,immutable")
    for path in ("/nothing", "/api/nothing", "/_next/static/chunks/old.js", "/courses/a/b"):
        assert site.get(path).status_code == 404, path
    assert "There is no such page" in site.get("/nothing").text
    assert site.get("/login/").headers["location"] == "/login"


def test_a_prerendered_page_and_the_trees_that_the_router_asks_for(site: httpx.Client) -> None:
    page = site.get("/about")
    assert (page.headers["x-vercel-cache"], page.headers["x-nextjs-prerender"]) == ("PRERENDER", "1")
    assert page.text == site.get("/about").text
    for path in ("/about", "/", "/login"):
        tree = site.get(path, headers={"rsc": "1"})
        assert (tree.status_code, tree.headers["content-type"]) == (200, "text/x-component"), path
        assert "<html" not in tree.text
        assert "rsc" in tree.headers["vary"]


def test_a_page_that_throws_is_an_error_page_a_log_line_and_an_issue(served: World, site: httpx.Client) -> None:
    answer = site.get("/broken")
    assert (answer.status_code, "__next_error__" in answer.text, "teacher" in answer.text) == (500, True, False)
    headers = {"authorization": f"Bearer {served.tokens['sentry']}"}

    def told() -> bool:
        issues = served.web.get(served.urls["sentry"] + "/api/0/organizations/acme/issues/", headers=headers).json()
        return "TypeError: the lesson has no teacher" in [issue["title"] for issue in issues]

    served.until(told, 5)
    assert told()


def test_a_course_is_for_those_who_signed_in(site: httpx.Client, student: httpx.Client) -> None:
    answer = site.get("/courses/algebra-1")
    assert answer.status_code == 307
    assert answer.headers["location"] == "/login?callbackUrl=/courses/algebra-1"
    course = student.get("/courses/algebra-1")
    assert (course.status_code, "Linear equations, 25 min" in course.text) == (200, True)
    assert "Lessons" in course.text
    assert "Not enrolled" in student.get("/courses/world-history").text
    assert student.get("/courses/nothing").status_code == 404
    tree = student.get("/courses/algebra-1", headers={"rsc": "1"})
    assert (tree.headers["content-type"], "Linear equations" in tree.text) == ("text/x-component", True)


def test_signing_in_with_the_real_nextauth(account: dict[str, str], site: httpx.Client, student: httpx.Client) -> None:
    assert site.get("/api/auth/providers").json()["credentials"]["type"] == "credentials"
    assert student.get("/api/auth/session").json()["user"]["email"] == account["email"]
    with httpx.Client(base_url=site.base_url, timeout=30, trust_env=False) as stranger:
        answer = sign_in(stranger, {**account, "password": "wrong"})
        assert (answer.status_code, "error=CredentialsSignin" in answer.json()["url"]) == (401, True)
        assert stranger.get("/api/auth/session").json() == {}


def test_an_upload_is_read_back(site: httpx.Client, student: httpx.Client) -> None:
    content = bytes(range(256)) * 1000
    assert site.post("/api/upload", files={"file": ("a.bin", content)}).status_code == 401
    answer = student.post("/api/upload", files={"file": ("a.bin", content, "application/x-thing")})
    assert answer.status_code == 201
    read = student.get(answer.json()["url"])
    assert (read.content == content, read.headers["content-type"]) == (True, "application/x-thing")
    assert student.get("/api/files/nothing").json() == {"error": "There is no such file"}


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    made = Checkout(tmp_path)
    yield made
    made.run("sandbox", "--reset")


def test_the_pipeline_ships_it(checkout: Checkout, built: Path, tmp_path: Path) -> None:
    up = Up(checkout)
    try:
        with release(built, tmp_path / "lms", up.said["vercel"]["project"], up.said["vercel"]["team"]) as folder:
            said = checkout.run("deploy", "--from", str(folder), "--commit", COMMIT)
        assert "DEPLOYED" in said
        with httpx.Client(base_url=up.said["production"]["url"], timeout=30, trust_env=False) as production:
            assert production.get("/").headers["x-powered-by"] == "Next.js"
            health = production.get("/api/health/db").json()
            assert (health["status"], health["schema"]) == ("ok", "20260301000000_course_level")
    finally:
        up.process.terminate()
        up.process.wait(10)


def test_it_answers_as_next_start_does(site: httpx.Client, plain: str) -> None:
    """Each difference stands with its reason in ``docs/serving.md``; ``python -m bench.serving`` writes it."""
    found = agreement.compared(plain, str(site.base_url).rstrip("/"))
    assert len(found) >= 60
    differing = {name: parts for name, parts in found.items() if parts}
    assert {name: parts for name, parts in differing.items() if name not in agreement.REASONS} == {}
    assert 1 - len(differing) / len(found) >= AGREED
    assert agreement.PAGE.read_text().startswith(agreement.page(found))


def test_pages_are_made_anew_by_tag_by_path_and_on_demand(site: httpx.Client) -> None:
    def said(path: str) -> tuple[str, str]:
        answer = site.get(path)
        return answer.headers["x-vercel-cache"], agreement.FOR_THE_ROUTER.sub("", answer.text)

    for path, renew in (
        ("/show/tagged", "/api/show/renew?tag=drawn"),
        ("/about", "/api/show/renew?path=/about"),
        ("/legacy/1", "/api/legacy?renew=/legacy/1"),
    ):
        before = said(path)[1]
        assert said(path)[1] == before
        assert site.post(renew).is_success
        served, after = said(path)
        assert (served in ("MISS", "HIT"), after != before) == (True, True), path
        assert said(path) == ("HIT", after)

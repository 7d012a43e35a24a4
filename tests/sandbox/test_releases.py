import hashlib

import pytest

from pipeline.sandbox import releases
from tests.sandbox.fixtures import create


async def sign_in(client, sandbox) -> int:
    token = (await client.get("/api/auth/csrf")).json()["csrfToken"]
    form = {"csrfToken": token, **sandbox.description()["student"]}
    return (await client.post("/api/auth/callback/credentials", data=form)).status_code


async def staged(services, sandbox, clock, name):
    made = await create(services, sandbox, name)
    clock.tick(1)
    return made, services.at(made["url"])


async def promote(services, sandbox, clock, id) -> None:
    await services["vercel"].post(f"/v10/projects/{sandbox.state.vercel.project}/promote/{id}")
    clock.tick(1)


def test_a_student_signs_in_reads_a_course_and_hands_in_a_file(sandbox, clock, play):
    async def scenario(services):
        _, site = await staged(services, sandbox, clock, "good")
        assert "Courses" in (await site.get("/")).text
        assert (await site.get("/app.css")).headers["content-type"].startswith("text/css")
        assert (await site.get("/courses/algebra-1")).headers["location"].startswith("/login")
        assert (await site.post("/api/upload", content=b"x")).status_code == 401
        assert (await site.get("/api/auth/session")).json() == {}
        assert await sign_in(site, sandbox) == 302
        assert (await site.get("/api/auth/session")).json()["user"]["email"] == "student@lms.example.com"
        assert "Lessons" in (await site.get("/courses/algebra-1")).text
        assert (await site.get("/courses/world-history")).status_code == 403
        sent = await site.post("/api/upload", files={"file": ("a.txt", b"\x00homework\r\n", "text/plain")})
        read = await site.get(sent.json()["url"])
        assert (read.content, read.headers["content-type"]) == (b"\x00homework\r\n", "text/plain")
        health = (await site.get("/api/health/db")).json()
        assert (health["status"], health["schema"]) == ("ok", "20260201000000_enrolment")

    play(scenario)


def test_a_wrong_password_does_not_sign_in(sandbox, play):
    async def scenario(services):
        site = services["production"]
        token = (await site.get("/api/auth/csrf")).json()["csrfToken"]
        form = {"csrfToken": token, "email": "student@lms.example.com", "password": "wrong"}
        assert (await site.post("/api/auth/callback/credentials", data=form)).status_code == 401
        stolen = {**form, "csrfToken": "x", "password": sandbox.description()["student"]["password"]}
        answer = await site.post("/api/auth/callback/credentials", data=stolen)
        assert "next-auth.session-token" not in answer.headers.get("set-cookie", "")

    play(scenario)


def test_broken_health_is_fine_until_it_is_production(sandbox, clock, play):
    async def scenario(services):
        made, site = await staged(services, sandbox, clock, "broken-health")
        assert (await site.get("/api/health/db")).status_code == 200
        await promote(services, sandbox, clock, made["id"])
        assert (await services["production"].get("/api/health/db")).status_code == 500
        assert (await services["production"].get("/")).status_code == 200
        query = {"query": f'is:unresolved firstRelease:"{made["meta"]["githubCommitSha"]}" level:[error,fatal]'}
        query |= {"environment": "production", "statsPeriod": "1h"}
        issues = await services["sentry"].get("/api/0/organizations/acme/issues/", params=query)
        assert [one["title"].partition(":")[0] for one in issues.json()] == ["KeyError"]
        monitor = await services["betterstack"].get("/api/v2/monitors/100")
        assert monitor.json()["data"]["attributes"]["status"] == "down"

    play(scenario)


def test_broken_login_lets_nobody_in(sandbox, clock, play):
    async def scenario(services):
        _, site = await staged(services, sandbox, clock, "broken-login")
        assert await sign_in(site, sandbox) == 401
        assert (await site.get("/login")).status_code == 200

    play(scenario)


def test_error_page_answers_200(sandbox, clock, play):
    async def scenario(services):
        _, site = await staged(services, sandbox, clock, "error-page")
        page = await site.get("/")
        assert page.status_code == 200
        assert 'id="__next_error__"' in page.text
        assert "Application error: a server-side exception has occurred" in page.text
        assert "Digest: 123" in page.text

    play(scenario)


def test_slow_takes_its_time_on_the_clock_of_the_sandbox(sandbox, clock, play):
    async def scenario(services):
        _, site = await staged(services, sandbox, clock, "slow")
        before = clock.time
        assert (await site.get("/")).status_code == 200
        assert clock.time - before == pytest.approx(2.5)

    play(scenario)


def test_off_origin_sends_visitors_away(sandbox, clock, play):
    async def scenario(services):
        _, site = await staged(services, sandbox, clock, "off-origin")
        answer = await site.get("/")
        assert (answer.status_code, answer.headers["location"]) == (307, "http://example.invalid/")

    play(scenario)


def test_all_releases_are_different_commits_and_the_same_one_twice_is_the_same(sandbox):
    commits = {name: sandbox.release(name)[1] for name in releases.NAMES}
    assert len(set(commits.values())) == len(releases.NAMES)
    assert commits == {name: sandbox.release(name)[1] for name in releases.NAMES}


def test_a_release_is_a_folder_as_vercel_build_leaves_it(sandbox):
    folder, _ = sandbox.release("good")
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    output = ".vercel/output"
    wanted = {f"{output}/config.json", f"{output}/builds.json", f"{output}/functions/lms.func/.vc-config.json"}
    assert wanted | {".vercel/project.json", "prisma/migrations/migration_lock.toml"} <= found
    assert len([name for name in found if name.endswith("migration.sql")]) == 3


def test_an_unknown_release_is_answered_with_the_known_ones(sandbox):
    with pytest.raises(ValueError, match="there are good, fixed, broken-health"):
        sandbox.release("perfect")


def test_the_first_two_migrations_are_recorded_as_prisma_records_them(sandbox):
    import psycopg

    with psycopg.connect(sandbox.core.database_url) as db:
        rows = db.execute(
            "select migration_name, checksum, finished_at > started_at, applied_steps_count"
            " from _prisma_migrations order by started_at"
        ).fetchall()
    folder, _ = sandbox.release("good")
    for name, checksum, _, steps in rows:
        file = folder / "prisma/migrations" / name / "migration.sql"
        assert checksum == hashlib.sha256(file.read_bytes()).hexdigest()
        assert steps == 1
    assert [row[0] for row in rows] == ["20260101000000_init", "20260201000000_enrolment"]


def test_a_release_that_is_there_already_is_left_alone(sandbox):
    folder, _ = sandbox.release("good")
    before = {path: path.stat().st_ino for path in folder.rglob("*")}
    sandbox.release("good")
    assert {path: path.stat().st_ino for path in folder.rglob("*")} == before
    (folder / "more.txt").write_text("not of the release")
    sandbox.release("good")
    assert not (folder / "more.txt").exists()

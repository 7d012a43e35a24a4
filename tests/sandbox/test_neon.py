"""Branches and snapshots of the emulated Neon: databases that one can connect to, and the ways back."""

import asyncio
import contextlib
import time

import psycopg
import pytest

from pipeline.sandbox.core import iso
from pipeline.sandbox.postgres import Database
from pipeline.sandbox.sandbox import Sandbox

COURSES = 'select count(*) from "Course"'
DELETE = "delete from \"Course\" where slug = 'algebra-1'"


@contextlib.contextmanager
def connected(url: str):
    """A connection that somebody cuts off meanwhile."""
    db = psycopg.connect(url, autocommit=True)
    db.execute("select 1")
    yield
    with pytest.raises(psycopg.OperationalError):
        db.execute("select 1")
    db.close()


def ask(url: str, query: str):
    """The first value of the first row, when there is one."""
    with psycopg.connect(url, autocommit=True) as db:
        cursor = db.execute(query)
        return cursor.fetchone()[0] if cursor.description else None


class Project:
    """Neon's API for the sandbox's project; every write is waited for."""

    def __init__(self, sandbox, clock, services):
        self.state, self._clock, self._neon = sandbox.state.neon, clock, services["neon"]
        self.root = f"/projects/{self.state.project}"

    async def get(self, path: str, **params):
        return await self._neon.get(self.root + path, params=params)

    async def post(self, path: str, json=None, **params):
        return await self._neon.post(self.root + path, json=json, params=params)

    async def patch(self, path: str, json):
        return await self._neon.patch(self.root + path, json=json)

    async def delete(self, path: str):
        return await self._neon.delete(self.root + path)

    async def branch(self, name: str, compute: bool = True, **more):
        body = {"branch": {"name": name, **more}, "endpoints": [{"type": "read_write"}] if compute else []}
        return await self.done(await self.post("/branches", body), 201)

    async def snapshot(self, name: str, **params):
        made = await self.post(f"/branches/{self.state.branch}/snapshot", name=name, **params)
        return (await self.done(made))["snapshot"]

    async def done(self, answer, status: int = 200):
        assert answer.status_code == status, answer.text
        self._clock.tick(1)
        for one in answer.json()["operations"]:
            seen = (await self.get(f"/operations/{one['id']}")).json()["operation"]
            assert seen["status"] == "finished", seen
        return answer.json()

    async def names(self):
        return {one["name"]: one for one in (await self.get("/branches")).json()["branches"]}


@pytest.fixture
def project(sandbox, clock, play):
    """Run a scenario with the project."""

    def run(scenario) -> None:
        play(lambda services: scenario(Project(sandbox, clock, services)))

    return run


def databases(sandbox) -> int:
    """How many databases the cluster holds that are this sandbox's."""
    main = sandbox.core.database_url.rpartition("/")[2]
    names = f"select count(*) from pg_database where datname = '{main}' or datname like '{main}\\_%'"
    return ask(sandbox.core.database_url, names)


def test_a_branch_is_a_copy_that_goes_its_own_way(sandbox, project):
    async def scenario(neon):
        main = sandbox.core.database_url
        made = await neon.branch("rehearsal")
        url = made["connection_uris"][0]["connection_uri"]
        assert (ask(url, COURSES), url == main) == (3, False)
        ask(url, DELETE)
        ask(main, "update \"Course\" set title = 'Algebra' where slug = 'algebra-1'")
        assert (ask(url, COURSES), ask(main, COURSES)) == (2, 3)
        grandchild = await neon.branch("of it", parent_id=made["branch"]["id"])
        assert ask(grandchild["connection_uris"][0]["connection_uri"], COURSES) == 2

    project(scenario)


def test_a_branch_is_made_although_others_stay_connected_to_its_parent(sandbox, project):
    async def scenario(neon):
        with psycopg.connect(sandbox.core.database_url) as db:
            db.execute("select pg_advisory_lock(72707369)")
            time.sleep(0.4)
            began = time.monotonic()
            made = await neon.branch("rehearsal")
            assert time.monotonic() - began < 4, "Postgres waits 5 s before it refuses"
            assert ask(made["connection_uris"][0]["connection_uri"], COURSES) == 3

    project(scenario)


def test_a_branch_with_the_schema_only_has_no_rows_and_no_parent(sandbox, project):
    async def scenario(neon):
        made = await neon.branch("empty", init_source="schema-only")
        url = made["connection_uris"][0]["connection_uri"]
        assert (ask(url, COURSES), ask(url, "select count(*) from _prisma_migrations")) == (0, 0)
        assert "parent_id" not in made["branch"]

    project(scenario)


def test_a_branch_is_reached_by_its_connection_uri_and_only_through_a_compute(sandbox, project):
    async def scenario(neon):
        main = sandbox.core.database_url
        id = (await neon.branch("b", compute=False))["branch"]["id"]
        database = (await neon.get(f"/branches/{id}/databases")).json()["databases"][0]["name"]
        role = (await neon.get(f"/branches/{id}/roles")).json()["roles"][0]["name"]
        assert main.startswith(f"postgresql://{role}:")
        assert main.endswith(f"/{database}")
        named = {"database_name": database, "role_name": role}
        assert (await neon.get("/connection_uri", branch_id=id, **named)).status_code == 404
        compute = {"endpoint": {"branch_id": id, "type": "read_write"}}
        await neon.done(await neon.post("/endpoints", compute), 201)
        assert (await neon.post("/endpoints", compute)).status_code == 409
        url = (await neon.get("/connection_uri", branch_id=id, **named)).json()["uri"]
        assert (ask(url, COURSES), url == main) == (3, False)
        endpoint = (await neon.get(f"/branches/{id}/endpoints")).json()["endpoints"][0]["id"]
        assert (await neon.get("/connection_uri", endpoint_id=endpoint, **named)).json()["uri"] == url
        for switch in (True, False):
            sent = {"endpoint": {"disabled": switch}}
            await neon.done(await neon.patch(f"/endpoints/{endpoint}", sent))
            (seen,) = (await neon.get(f"/branches/{id}/endpoints")).json()["endpoints"]
            assert (seen["disabled"], seen["current_state"]) == (switch, "idle" if switch else "active")
        assert (await neon.get("/connection_uri", branch_id=id, pooled="true", **named)).json()["uri"] == url
        assert (await neon.get("/connection_uri", **named)).json()["uri"] == main
        assert (await neon.get("/connection_uri", **{**named, "role_name": "nobody"})).status_code == 404
        assert (await neon.get("/connection_uri", role_name=role)).status_code == 400

    project(scenario)


def test_while_one_operation_runs_another_one_is_locked_out(sandbox, clock, project):
    async def scenario(neon):
        first, second = await asyncio.gather(*(neon.post("/branches", {"branch": {"name": n}}) for n in "ab"))
        assert sorted((first.status_code, second.status_code)) == [201, 423]
        branch = (first if first.status_code == 201 else second).json()["branch"]
        assert (branch["current_state"], branch["pending_state"]) == ("init", "ready")
        assert (await neon.post(f"/branches/{neon.state.branch}/snapshot")).status_code == 423
        clock.tick(1)
        assert (await neon.get(f"/branches/{branch['id']}")).json()["branch"]["current_state"] == "ready"
        assert (await neon.post(f"/branches/{neon.state.branch}/snapshot")).status_code == 200

    project(scenario)


def test_a_deleted_branch_is_gone_with_its_database_whoever_is_connected(sandbox, project):
    async def scenario(neon):
        made = await neon.branch("b")
        id, url = made["branch"]["id"], made["connection_uris"][0]["connection_uri"]
        with connected(url):
            assert (await neon.delete(f"/branches/{id}")).status_code == 200
        with pytest.raises(psycopg.OperationalError):
            ask(url, "select 1")
        assert (await neon.delete(f"/branches/{id}")).status_code == 204
        assert (await neon.get(f"/branches/{id}")).json()["code"] == "BRANCH_NOT_FOUND"
        assert databases(sandbox) == 1

    project(scenario)


def test_the_default_branch_a_protected_one_and_a_parent_stay(sandbox, project):
    async def scenario(neon):
        assert (await neon.delete(f"/branches/{neon.state.branch}")).status_code == 422
        parent = (await neon.branch("parent"))["branch"]["id"]
        child = (await neon.branch("child", parent_id=parent))["branch"]["id"]
        assert (await neon.delete(f"/branches/{parent}")).status_code == 422
        await neon.patch(f"/branches/{child}", {"branch": {"protected": True, "name": "precious"}})
        assert (await neon.delete(f"/branches/{child}")).status_code == 422
        assert set(await neon.names()) == {"main", "parent", "precious"}

    project(scenario)


def test_branches_and_snapshots_are_limited(sandbox, project):
    async def scenario(neon):
        sandbox.patch({"neon": {"branch_limit": 2, "snapshot_limit": 2}})
        await neon.branch("b")
        refused = await neon.post("/branches", {"branch": {"name": "c"}})
        assert (refused.status_code, refused.json()["code"]) == (422, "BRANCHES_LIMIT_EXCEEDED")
        await neon.snapshot("s")
        refused = await neon.post(f"/branches/{neon.state.branch}/snapshot")
        assert (refused.status_code, refused.json()["code"]) == (422, "SNAPSHOTS_LIMIT_EXCEEDED")

    project(scenario)


def test_what_has_expired_is_gone(sandbox, clock, project):
    async def scenario(neon):
        soon = iso(clock.now() + 60)
        made = await neon.branch("b", expires_at=soon)
        assert made["branch"]["expires_at"] == soon
        await neon.branch("c", expires_at=iso(clock.now() + 60))
        await neon.patch(f"/branches/{(await neon.names())['c']['id']}", {"branch": {"expires_at": None}})
        await neon.snapshot("s", expires_at=soon)
        clock.tick(120)
        assert set(await neon.names()) == {"main", "c"}
        assert [one["name"] for one in (await neon.get("/snapshots")).json()["snapshots"]] == ["nightly"]
        assert databases(sandbox) == 2
        past = await neon.post("/branches", {"branch": {"expires_at": soon}})
        assert (past.status_code, past.json()["message"]) == (400, "expires_at must be in the future")
        main = await neon.patch(f"/branches/{neon.state.branch}", {"branch": {"expires_at": iso(clock.now() + 9)}})
        assert main.status_code == 422

    project(scenario)


def test_only_the_present_state_can_be_branched(sandbox, clock, project):
    async def scenario(neon):
        async def at(ago: float):
            return await neon.post("/branches", {"branch": {"parent_timestamp": iso(clock.now() - ago)}})

        for ago, says in ((3600, "keeps no history"), (8 * 86400, "retention window"), (-3600, "in the future")):
            refused = await at(ago)
            assert (refused.status_code, says in refused.json()["message"]) == (400, True), refused.text
        await neon.done(await at(5), 201)
        assert (await neon.post("/branches", {"branch": {"parent_lsn": "0/1E19478"}})).status_code == 400
        assert (await neon.post("/branches", {"branch": {"init_source": "magic"}})).status_code == 400
        assert (await neon.post("/branches", {"branch": {"parent_id": "br-none"}})).status_code == 404

    project(scenario)


def test_branches_are_searched_sorted_and_given_in_pages(sandbox, clock, project):
    async def scenario(neon):
        for name in ("a-1", "b-1", "b-2"):
            await neon.branch(name, compute=False)
        assert (await neon.post("/branches", {"branch": {"name": "a-1"}})).status_code == 409
        found = (await neon.get("/branches", search="b-", sort_by="name", sort_order="asc")).json()
        assert [one["name"] for one in found["branches"]] == ["b-1", "b-2"]
        seen, cursor = [], {}
        while True:
            page = (await neon.get("/branches", limit=3, **cursor)).json()
            seen += [one["name"] for one in page["branches"]]
            if "next" not in page["pagination"]:
                break
            cursor = {"cursor": page["pagination"]["next"]}
        assert seen == ["b-2", "b-1", "a-1", "main"]

    project(scenario)


def test_a_finalized_restore_brings_a_row_back_at_the_same_address_and_keeps_what_was_there(sandbox, project):
    async def scenario(neon):
        main, branch = sandbox.core.database_url, neon.state.branch
        snapshot = await neon.snapshot("before")
        ask(main, DELETE)
        with connected(main):
            body = {"target_branch_id": branch, "finalize_restore": True}
            restored = await neon.done(await neon.post(f"/snapshots/{snapshot['id']}/restore", body))
        assert ask(main, COURSES) == 3
        new, names = restored["branch"]["id"], await neon.names()
        assert (names["main"]["id"], names["main"]["default"], names["main (old)"]["id"]) == (new, True, branch)
        assert sandbox.description()["neon"]["branch"] == new
        assert [one["branch_id"] for one in (await neon.get("/endpoints")).json()["endpoints"]] == [new]
        compute = {"endpoint": {"branch_id": branch, "type": "read_write"}}
        await neon.done(await neon.post("/endpoints", compute), 201)
        database, role = main.rpartition("/")[2], main.split("//")[1].split(":")[0]
        query = {"branch_id": branch, "database_name": database, "role_name": role}
        old = (await neon.get("/connection_uri", **query)).json()["uri"]
        assert ask(old, COURSES) == 2
        assert (await neon.delete(f"/branches/{branch}")).status_code == 200

    project(scenario)


def test_a_restore_can_be_looked_at_before_it_is_finalized(sandbox, services_of_site, project):
    async def scenario(neon):
        main, before = sandbox.core.database_url, neon.state.branch
        nightly = (await neon.get("/snapshots")).json()["snapshots"][0]
        ask(main, DELETE)
        made = await neon.done(await neon.post(f"/snapshots/{nightly['id']}/restore", {"name": "look"}))
        assert (made["endpoints"], made["branch"]["restore_status"], ask(main, COURSES)) == ([], "restored", 2)
        id = made["branch"]["id"]
        await neon.done(await neon.post(f"/branches/{id}/finalize_restore", {"name": "main before"}))
        assert (ask(main, COURSES), set(await neon.names())) == (3, {"main", "main before"})
        assert (await neon.post(f"/branches/{id}/finalize_restore")).status_code == 422
        assert (await neon.get(f"/branches/{before}")).json()["branch"]["name"] == "main before"
        assert await services_of_site() == 302, "the student signs in on last night's data too"

    project(scenario)


def test_a_branch_is_reset_to_another_one_and_keeps_its_id(sandbox, project):
    async def scenario(neon):
        main, id = sandbox.core.database_url, neon.state.branch
        kept = (await neon.branch("before", compute=False))["branch"]["id"]
        ask(main, DELETE)
        body = {"source_branch_id": kept, "preserve_under_name": "main_old"}
        bare = await neon.post(f"/branches/{id}/restore", {"source_branch_id": kept})
        assert (bare.status_code, "preserve_under_name" in bare.json()["message"]) == (422, True)
        reset = await neon.done(await neon.post(f"/branches/{id}/restore", body))
        assert (reset["branch"]["id"], ask(main, COURSES)) == (id, 3)
        names = await neon.names()
        assert names["before"]["parent_id"] == names["main_old"]["id"], "the children stay with what they came from"
        again = {"source_branch_id": names["main_old"]["id"]}
        await neon.done(await neon.post(f"/branches/{id}/restore", again))
        assert ask(main, COURSES) == 2
        assert (await neon.post(f"/branches/{id}/restore", {"source_branch_id": id})).status_code == 400
        assert databases(sandbox) == 3

    project(scenario)


def test_snapshots_are_of_root_branches_and_can_be_renamed_and_deleted(sandbox, clock, project):
    async def scenario(neon):
        child = (await neon.branch("child"))["branch"]["id"]
        assert (await neon.post(f"/branches/{child}/snapshot")).status_code == 422
        made = await neon.snapshot("s")
        renamed = await neon.patch(f"/snapshots/{made['id']}", {"snapshot": {"name": "t"}})
        assert renamed.json()["snapshot"]["name"] == "t"
        assert databases(sandbox) == 3
        await neon.done(await neon.delete(f"/snapshots/{made['id']}"), 202)
        assert (await neon.delete(f"/snapshots/{made['id']}")).status_code == 404
        assert databases(sandbox) == 2
        schedule = (await neon.get(f"/branches/{neon.state.branch}/backup_schedule")).json()["schedule"]
        assert schedule[0]["frequency"] == "daily"
        old = await neon.post(f"/branches/{neon.state.branch}/snapshot", timestamp=iso(clock.now() - 3600))
        assert old.status_code == 400

    project(scenario)


def test_a_copy_that_fails_is_a_failed_operation(sandbox, clock, project):
    async def scenario(neon):
        nightly = (await neon.get("/snapshots")).json()["snapshots"][0]
        sandbox.state.neon.snapshots[0].database = "nowhere"
        made = (await neon.post(f"/snapshots/{nightly['id']}/restore", {"name": "x", "finalize_restore": True})).json()
        clock.tick(1)
        operation = (await neon.get(f"/operations/{made['operations'][0]['id']}")).json()["operation"]
        assert (operation["status"], "nowhere" in operation["error"]) == ("failed", True)
        assert (await neon.get(f"/branches/{made['branch']['id']}")).json()["branch"]["current_state"] == "init"
        assert ask(sandbox.core.database_url, COURSES) == 3
        assert (await neon.delete(f"/branches/{made['branch']['id']}")).status_code == 200

    project(scenario)


def test_branches_outlive_a_restart_and_a_state_from_before_them_is_read(sandbox, clock, project):
    async def scenario(neon):
        await neon.branch("b")

    project(scenario)
    sandbox.save()
    home, url = sandbox.core.home, Database(sandbox.core.database_url)
    again = Sandbox(home, url, now=clock.now, sleep=clock.sleep)
    assert again.state.neon == sandbox.state.neon
    text = (home / "state.json").read_text()
    before = text.replace('"branches"', '"unknown"').replace('"manual"', '"mystery"')
    (home / "state.json").write_text(before)
    old = Sandbox(home, url, now=clock.now, sleep=clock.sleep)
    assert [one.name for one in old.state.neon.branches] == ["main"]


@pytest.fixture
def services_of_site(sandbox):
    """Sign the student in on production; the status."""
    from tests.sandbox.fixtures import client_of

    async def sign_in() -> int:
        async with client_of(sandbox, "production") as site:
            token = (await site.get("/api/auth/csrf")).json()["csrfToken"]
            form = {"csrfToken": token, **sandbox.description()["student"]}
            return (await site.post("/api/auth/callback/credentials", data=form)).status_code

    return sign_in

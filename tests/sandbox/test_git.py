"""What Vercel does when something is pushed, and deployments that name a commit."""

import shutil

import pytest


async def newest(services) -> dict:
    return (await services["vercel"].get("/v6/deployments?limit=1")).json()["deployments"][0]


async def push(services, sandbox, **body) -> dict:
    headers = {"authorization": f"Bearer {sandbox.state.tokens['control']}"}
    answer = await services["control"].post("/commits", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_push_that_is_to_be_deployed_is_built_and_goes_live(sandbox, clock, play, tmp_path):
    async def scenario(services):
        folder, _ = sandbox.release("good")
        mine = shutil.copytree(folder, tmp_path / "mine")
        (mine / ".vercel/output/static/pushed.txt").write_text("pushed")
        (mine / ".vercel/output/static/link.txt").symlink_to("pushed.txt")
        pushed = await push(services, sandbox, sha="a" * 40, message="Push", folder=str(mine), deploy=True)
        one = await newest(services)
        assert (one["uid"], one["source"], one["target"]) == (pushed["deployment"], "git", "production")
        meta = {key: one["meta"][key] for key in ("githubCommitSha", "githubCommitRef", "githubDeployment")}
        assert meta == {"githubCommitSha": "a" * 40, "githubCommitRef": "main", "githubDeployment": "1"}
        files = {entry.file: entry.mode for entry in sandbox.state.vercel.deployments[one["uid"]].files}
        assert files[".vercel/output/static/link.txt"] == 0o120777
        assert all(name.startswith(".vercel/output/") for name in files)
        clock.tick(1)
        assert (await services["production"].get("/pushed.txt")).text == "pushed"

    play(scenario)


def test_every_push_is_built_when_the_switch_is_on(sandbox, clock, play):
    async def scenario(services):
        before = (await newest(services))["uid"]
        sandbox.release("good")
        assert (await newest(services))["uid"] == before
        sandbox.patch({"vercel": {"switched_off": False}})
        _, commit = sandbox.release("slow")
        one = await newest(services)
        assert (one["source"], one["meta"]["githubCommitSha"]) == ("git", commit)
        sandbox.release("slow")
        assert (await newest(services))["uid"] == one["uid"], "nothing new was pushed"

    play(scenario)


@pytest.mark.parametrize("said", ["the project", "vercel.json"])
def test_a_push_is_left_alone_when_the_project_or_its_file_says_so(sandbox, play, said):
    async def scenario(services):
        before = (await newest(services))["uid"]
        sandbox.patch({"vercel": {"git": said != "the project", "switched_off": said != "the project"}})
        sandbox.release("slow")
        assert (await newest(services))["uid"] == before
        project = (await services["vercel"].get(f"/v9/projects/{sandbox.state.vercel.project}")).json()
        if said == "vercel.json":
            assert project["link"]["productionBranch"] == "main", "it is connected all the same"
        else:
            assert "link" not in project

    play(scenario)


def test_after_a_rollback_a_push_is_built_but_stays_staged(sandbox, clock, play):
    async def scenario(services):
        live = sandbox.state.vercel.production
        sandbox.patch({"vercel": {"switched_off": False, "auto_assign": False}})
        sandbox.release("good")
        clock.tick(1)
        assert (await newest(services))["readySubstate"] == "STAGED"
        assert sandbox.state.vercel.production == live

    play(scenario)


def test_a_deployment_is_built_from_the_commit_that_it_names(sandbox, clock, play):
    async def scenario(services):
        _, commit = sandbox.release("good")
        sources = (
            {"type": "github", "org": "acme", "repo": "lms", "ref": "main"},
            {"type": "github", "repoId": 4242, "ref": "main", "sha": commit},
        )
        for source in sources:
            body = {"name": "lms", "target": "production", "autoAssignCustomDomains": False, "gitSource": source}
            made = await services["vercel"].post("/v13/deployments", json=body)
            assert made.status_code == 200, made.text
            assert made.json()["meta"]["githubCommitSha"] == commit
            clock.tick(1)
            health = await services.at(made.json()["url"]).get("/api/health/db")
            assert health.json()["deployment"] == made.json()["id"]

    play(scenario)


def test_an_unknown_commit_or_repository_is_refused(sandbox, play):
    async def scenario(services):
        known = {"type": "github", "org": "acme", "repo": "lms", "ref": "main"}
        for wrong in ({"sha": "f" * 40}, {"ref": "nowhere"}, {"repo": "other"}):
            body = {"name": "lms", "gitSource": {**known, **wrong}}
            refused = await services["vercel"].post("/v13/deployments", json=body)
            assert (refused.status_code, refused.json()["error"]["code"]) == (404, "incorrect_git_source_info")

    play(scenario)


def test_a_commit_without_a_build_fails_in_the_build(sandbox, clock, play):
    async def scenario(services):
        await push(services, sandbox, sha="b" * 40, deploy=True)
        clock.tick(1)
        assert (await newest(services))["readyState"] == "ERROR"

    play(scenario)

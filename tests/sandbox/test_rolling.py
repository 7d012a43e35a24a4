"""Rolling releases: production's visitors move in stages, and the domain moves at the end."""

from collections.abc import Awaitable, Callable

import pytest

from tests.sandbox.fixtures import Services, create

AUTOMATIC = {"enabled": True, "advancementType": "automatic", "stages": [
    {"targetPercentage": 10, "duration": 5}, {"targetPercentage": 50, "duration": 10}, {"targetPercentage": 100}
]}  # fmt: skip
BY_HAND = {"enabled": True, "advancementType": "manual-approval", "stages": [
    {"targetPercentage": 20}, {"targetPercentage": 100}
]}  # fmt: skip
MINUTE = 60


class Rollout:
    """A project with rolling releases, and one staged deployment."""

    def __init__(self, services: Services, sandbox, canary: str) -> None:
        self.services, self.sandbox, self.canary = services, sandbox, canary
        self.vercel, self.before = services["vercel"], sandbox.state.vercel.production
        self.root = f"/v1/projects/{sandbox.state.vercel.project}/rolling-release"

    async def post(self, action: str, expected: int = 200, **body) -> dict:
        answer = await self.vercel.post(f"{self.root}/{action}", json={"canaryDeploymentId": self.canary, **body})
        assert answer.status_code == expected, answer.text
        return answer.json()

    async def promote(self, id: str) -> int:
        answer = await self.vercel.post(f"/v10/projects/{self.sandbox.state.vercel.project}/promote/{id}", json={})
        return answer.status_code

    async def roll_back(self, id: str) -> int:
        return (await self.vercel.post(f"/v9/projects/{self.sandbox.state.vercel.project}/rollback/{id}")).status_code

    async def seen(self, **query: str) -> dict:
        return (await self.vercel.get(self.root, params=query)).json()["rollingRelease"]

    async def project(self) -> dict:
        return (await self.vercel.get(f"/v9/projects/{self.sandbox.state.vercel.project}")).json()

    async def alias(self) -> str:
        host = self.sandbox.description()["urls"]["production"][7:]
        return (await self.vercel.get(f"/v4/aliases/{host}")).json()["deploymentId"]

    async def substate(self, id: str) -> str:
        return (await self.vercel.get(f"/v13/deployments/{id}")).json()["readySubstate"]

    async def visits(self, count: int = 100) -> int:
        """How many of so many visitors of production the canary gets."""
        found = [await self.services["production"].get("/static/app.css") for _ in range(count)]
        return sum(one.headers["x-deployment-id"] == self.canary for one in found)


Story = Callable[[Rollout], Awaitable[None]]


@pytest.fixture
def roll(sandbox, clock, play):
    """Tell a story about a staged deployment in a project with that configuration."""

    def run(config: dict, story: Story) -> None:
        async def scenario(services) -> None:
            made = await create(services, sandbox)
            clock.tick(1)
            one = Rollout(services, sandbox, made["id"])
            assert (await one.vercel.patch(one.root + "/config", json=config)).status_code == 200
            await story(one)

        play(scenario)

    return run


def test_minutes_pass_and_production_moves_by_itself(roll, clock):
    async def story(one: Rollout) -> None:
        assert await one.promote(one.canary) == 201
        found = await one.seen()
        assert (found["state"], found["advancementType"], found["activeStage"]["duration"]) == (
            "ACTIVE",
            "automatic",
            300,
        )
        assert (await one.substate(one.canary), await one.alias()) == ("ROLLING", one.before)
        assert await one.visits() == 10
        clock.tick(5 * MINUTE)
        assert ((await one.seen())["activeStage"]["index"], await one.visits()) == (1, 50)
        assert await one.alias() == one.before
        clock.tick(10 * MINUTE)
        assert ((await one.seen())["state"], await one.alias(), await one.visits()) == ("COMPLETE", one.canary, 100)
        assert (await one.seen())["activeStage"] is None
        assert await one.substate(one.canary) == "PROMOTED"
        job = (await one.project())["lastAliasRequest"]
        assert (job["type"], job["jobStatus"], job["toDeploymentId"]) == ("promote", "succeeded", one.canary)
        assert job["fromRollingReleaseId"]

    roll(AUTOMATIC, story)


def test_a_long_time_unobserved_ends_where_it_should(roll, clock):
    async def story(one: Rollout) -> None:
        await one.post("start")
        clock.tick(60 * MINUTE)
        assert ((await one.seen())["state"], await one.alias()) == ("COMPLETE", one.canary)
        assert one.sandbox.state.vercel.production_since == clock.time - 45 * MINUTE

    roll(AUTOMATIC, story)


def test_by_hand_only_an_approval_moves_it(roll, clock):
    async def story(one: Rollout) -> None:
        started = (await one.post("start"))["rollingRelease"]
        assert (started["activeStage"]["requireApproval"], started["nextStage"]["isFinalStage"]) == (True, True)
        clock.tick(24 * 60 * MINUTE)
        assert (await one.seen())["activeStage"]["index"] == 0
        await one.post("approve-stage", 400, activeStageIndex=1, nextStageIndex=2)
        done = await one.post("approve-stage", activeStageIndex=0, nextStageIndex=1)
        assert (done["rollingRelease"]["state"], await one.alias()) == ("COMPLETE", one.canary)
        await one.post("complete", 404)

    roll(BY_HAND, story)


def test_a_rollback_to_the_current_deployment_aborts(roll, clock):
    async def story(one: Rollout) -> None:
        await one.promote(one.canary)
        assert await one.roll_back(one.before) == 201
        assert (await one.seen())["state"] == "ABORTED"
        clock.tick(1)
        assert (await one.alias(), await one.visits(20)) == (one.before, 0)
        assert (await one.project())["lastAliasRequest"]["jobStatus"] == "succeeded"
        assert await one.substate(one.canary) == "PROMOTED", "it has had visitors"
        assert await one.roll_back(one.canary) == 422, "but it never was production"

    roll(BY_HAND, story)


def test_another_promotion_waits_for_the_one_under_way(roll, clock):
    async def story(one: Rollout) -> None:
        other = (await create(one.services, one.sandbox))["id"]
        clock.tick(1)
        assert [await one.promote(one.canary), await one.promote(one.canary)] == [201, 201]
        assert (await one.promote(other), (await one.seen())["queuedDeploymentId"]) == (202, other)
        assert await one.substate(other) == "STAGED"
        await one.post("complete")
        assert await one.alias() == one.canary
        now = await one.seen()
        assert (now["state"], now["currentDeployment"]["id"], now["canaryDeployment"]["id"]) == (
            "ACTIVE",
            one.canary,
            other,
        )
        assert now["queuedDeploymentId"] is None

    roll(BY_HAND, story)


def test_a_deployment_that_goes_live_by_itself_rolls_as_well(roll, clock):
    async def story(one: Rollout) -> None:
        made = await create(one.services, one.sandbox, autoAssignCustomDomains=True)
        clock.tick(1)
        assert ((await one.seen())["canaryDeployment"]["id"], await one.alias()) == (made["id"], one.before)

    roll(BY_HAND, story)


def test_the_configuration_is_shown_and_can_be_switched_off(roll):
    async def story(one: Rollout) -> None:
        assert (await one.project())["rollingRelease"]["stages"][0] == {"targetPercentage": 20, "requireApproval": True}
        assert (await one.vercel.delete(one.root + "/config")).json() == {"rollingRelease": None}
        assert "rollingRelease" not in await one.project()
        await one.post("start", 400)
        assert (await one.promote(one.canary), await one.seen()) == (201, None)

    roll(BY_HAND, story)


@pytest.mark.parametrize(
    "stages",
    [
        [{"targetPercentage": 100}],
        [{"targetPercentage": 10}, {"targetPercentage": 50}],
        [{"targetPercentage": 50}, {"targetPercentage": 10}, {"targetPercentage": 100}],
        [{"duration": 5}, {"targetPercentage": 100}],
    ],
)
def test_stages_that_do_not_grow_to_100_are_refused(roll, stages):
    async def story(one: Rollout) -> None:
        answer = await one.vercel.patch(one.root + "/config", json={"enabled": True, "stages": stages})
        assert answer.status_code == 400
        assert (await one.project())["rollingRelease"]["stages"][-1]["targetPercentage"] == 100

    roll(BY_HAND, story)

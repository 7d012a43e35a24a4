"""Uploads from the pages themselves: what a browser asks the bucket first, for each domain that the site has."""

import asyncio

import pytest

from checks.evidence import BrowserUploads
from checks.policy import StoragePolicy
from pipeline.probes.release import vercel_project
from pipeline.probes.stores import browser_uploads
from tests.stage import InProcess

RULE = {"allowed": {"origins": ["http://{{PRODUCTION}}"], "methods": ["GET", "PUT"], "headers": ["content-type"]}}


def asked(inside: InProcess, *, wanted: bool = True) -> BrowserUploads:
    async def go() -> BrowserUploads:
        async with inside.world(inside.release()) as world:
            return await browser_uploads(world, StoragePolicy(browser_uploads=wanted), await vercel_project(world))

    return asyncio.run(go())


def rules(inside: InProcess, **allowed: list[str]) -> None:
    inside.sandbox.state.r2.cors = [{"allowed": {**RULE["allowed"], **allowed}}]


def test_the_rules_of_the_bucket_let_the_sites_own_pages_upload(inside: InProcess) -> None:
    before = dict(inside.sandbox.state.r2.objects)
    assert asked(inside) == BrowserUploads()
    assert inside.sandbox.state.r2.objects == before, "asking leaves nothing in the bucket"


def test_a_team_whose_pages_do_not_upload_is_not_asked(inside: InProcess) -> None:
    inside.sandbox.state.r2.cors = None
    assert asked(inside, wanted=False).off


@pytest.mark.parametrize(
    "allowed",
    [
        {"origins": ["https://www.lms.example.com"]},
        {"origins": ["http://{{PRODUCTION}}/"]},
        {"methods": ["GET", "HEAD"]},
        {"headers": []},
    ],
    ids=["another origin", "with a slash", "only to read", "without the header"],
)
def test_rules_that_a_browser_does_not_get_past_are_named(inside: InProcess, allowed: dict[str, list[str]]) -> None:
    rules(inside, **allowed)
    ((origin, says),) = asked(inside).refused
    assert origin == f"http://{inside.settings.domain}"
    assert says.startswith("answered 403")


def test_a_new_domain_that_the_rules_do_not_have_is_named_and_the_others_are_not(inside: InProcess) -> None:
    inside.sandbox.patch({"vercel": {"domains": {"learn": ""}}})
    refused = dict(asked(inside).refused)
    assert list(refused) == [f"http://{inside.sandbox.core.ports.host('learn')}"]

"""A release by hand, with the tool switched off: a reader who follows the deployment runbook, and nothing else."""

import re
import shutil
from collections.abc import Iterator

import pytest

from pipeline.documents.pages.typed import by_hand
from tests.byhand.reader import Reader, reading
from tests.byhand.test_by_hand import pages
from tests.vendors.world import needs_npm

pytestmark = [
    pytest.mark.byhand,
    pytest.mark.wide,
    pytest.mark.process,
    needs_npm,
    pytest.mark.skipif(not (shutil.which("gh") and shutil.which("jq")), reason="gh or jq is not installed"),
]
LEFT_OUT = (
    "npx prisma",
    "$DUMP",
    "vercel env pull",
    "env rm ",
    "rm .env.check",
    "git show",
    "pg_dump",
    "vercel rolling-release",
)
"""What the walk does not need, or cannot: see NOT_RUN. Each is typed in a scenario, but for those."""


def below(heading: str) -> list[str]:
    """The commands below a heading, in the page's order, each once."""
    given = [one for one in by_hand(pages()) if one.page == "deployment-runbook.md" and one.heading == heading]
    found = dict.fromkeys(one.text for one in given if not one.text.startswith("./inv"))
    return [text for text in found if not any(part in text for part in LEFT_OUT)]


CHECKLIST = (
    "All tests pass in CI, and the commit was reviewed",
    "Security scan completed, no P0 or P1 vulnerability",
    "Environment variables validated",
    "Production can take a release now",
)
VALIDATION = ("Health check", "Better Stack: uptime confirmed", "Vercel Analytics: performance")


@pytest.fixture(scope="module")
def walker() -> Iterator[Reader]:
    with reading() as reader:
        (reader.folder / "inv").unlink()  # the tool is switched off
        yield reader


def validated(reader: Reader, id: str) -> None:
    """Post-deployment validation by hand: every command answers, and production is the deployment that is meant."""
    for heading in VALIDATION:
        for text in below(heading):
            reader.types(text)
    assert f"x-deployment-id: {id}" in reader.types("curl -sS -i $PRODUCTION/api/health/db").out
    assert (reader.world.alias(), reader.world.visited()) == (id, id)


def test_a_release_is_checked_deployed_promoted_validated_and_rolled_back_by_hand_alone(walker: Reader) -> None:
    reader, world = walker, walker.world
    before = world.alias()
    sha = reader.git("rev-parse", "main")
    world.control("/commits", {"sha": sha, "message": ""})
    number = world.ask("github", f"/repos/acme/lms/commits/{sha}/pulls")[0]["number"]
    reader.names |= {"COMMIT": sha, "NUMBER": str(number)}

    typed = [text for heading in CHECKLIST for text in below(heading)]
    assert len(typed) > 12
    for text in typed:
        if "/deployments/$ID/" in text and "ID" not in reader.names:
            continue  # the list before it had no line of this tool
        reader.types(text)
    assert (world.alias(), world.visited()) == (before, before), "looking changes nothing"

    steps = below("Manual, by Command Line")
    pull = "rm -f .vercel/.env.production.local && vercel pull --yes --environment=production"
    for text in ("git checkout $COMMIT && git status --short", pull):
        assert text in steps
        reader.types(text)
    assert "vercel build --prod" in steps
    reader.types("vercel build --prod")
    address = reader.types("vercel deploy --prebuilt --prod --skip-domain").out
    id = str(world.deployment(address.removeprefix("https://"))["id"])
    reader.names["STAGED"] = reader.address(id)
    assert (world.alias(), world.visited()) == (before, before), "what is staged serves nobody"
    shown = reader.types("vercel inspect $STAGED")
    found = re.search(r"dpl_\w+", shown.out + shown.err)
    assert found
    reader.names["DEPLOYMENT"] = found[0]
    assert f"x-deployment-id: {id}" in reader.types("curl -sS -i $STAGED/api/health/db").out
    noted = reader.types("vercel inspect $DOMAIN")
    way_back = re.search(r"dpl_\w+", noted.out + noted.err)
    assert way_back
    reader.names["PREVIOUS"] = way_back[0]
    assert way_back[0] == before

    assert "vercel promote $DEPLOYMENT" in steps
    reader.types("vercel promote $DEPLOYMENT")
    validated(reader, id)

    assert "vercel rollback $PREVIOUS" in below("By Vercel CLI")
    reader.types("vercel rollback $PREVIOUS")
    validated(reader, before)

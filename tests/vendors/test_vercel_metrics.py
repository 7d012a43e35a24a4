"""``vercel metrics`` of the real command line: Speed Insights as the sandbox tells them."""

import json
import time

import pytest

from tests.vendors.world import needs_npm

pytestmark = [pytest.mark.wide, pytest.mark.process, needs_npm]
LCP = "vercel.speed_insights.lcp_ms"
VALUES = {"/": (1000.0, 1500.0, 2000.0, 9000.0), "/courses": (3000.0,)}


@pytest.fixture
def measured(world):
    """So many samples of production that everybody can do the sum."""
    vitals = [
        {
            "at": time.time() - 600 - row,
            "metric": "lcp_ms",
            "value": value,
            "route": route,
            "country": "DE",
            "deployment": world.alias(),
        }
        for route, values in VALUES.items()
        for row, value in enumerate(values)
    ]
    world.control("/state", {"vercel": {"vitals": vitals}})
    return world


def summary(world, folder, *words: str) -> list[dict]:
    ran = world.run("metrics", LCP, "--json", *words, folder=folder)
    assert ran.code == 0, ran.err + ran.out
    found: list[dict] = json.loads(ran.out)["summary"]
    return found


def test_the_75th_percentile_is_of_the_samples(measured, folder):
    (whole,) = summary(measured, folder, "-a", "p75", "--prod")
    assert whole == {"vercel_speed_insights_lcp_ms_p75": 3000.0}
    (counted,) = summary(measured, folder, "-a", "count", "-f", 'route:"/"')
    assert counted == {"vercel_speed_insights_lcp_ms_count": 4}


def test_it_is_told_by_route(measured, folder):
    found = summary(measured, folder, "-a", "p75", "--group-by", "route")
    assert found == [
        {"route": "/", "vercel_speed_insights_lcp_ms_p75": 2000.0},
        {"route": "/courses", "vercel_speed_insights_lcp_ms_p75": 3000.0},
    ]


def test_what_is_not_measured_is_null_and_what_is_not_known_is_refused(measured, folder):
    (nothing,) = summary(measured, folder, "-a", "p75", "-f", "country:FR")
    assert nothing == {"vercel_speed_insights_lcp_ms_p75": None}
    unknown = measured.run("metrics", "vercel.speed_insights.smell", "-a", "p75", "--json", folder=folder)
    assert unknown.code == 1

"""The page of a run: why first, everything on it, nothing live in it, and small when the run is the largest."""

import base64
import datetime
import hashlib
import html
import re
import sys
import time

import pytest

from pipeline.errors import Mistake
from pipeline.handbook.limits import ReadingLimit
from pipeline.record.approvals import GivenApproval
from pipeline.record.parts import MigrationReport
from pipeline.record.report import Report
from pipeline.record.samples import Sample
from pipeline.render import charts, runpage
from pipeline.render.charts import bar_chart, reading_chart
from pipeline.render.readings import DRAWN, drawn, number, readings
from pipeline.render.runpage import RunFacts, run_page, stopping
from pipeline.render.timeline import STEPS, timeline
from tests.render import runs
from tests.render.runs import BEGAN, Telling, finding, promoted
from tests.test_inert import ATTACKS, LIVE

KINDS = {
    "deployed": runs.deployed, "rolled back": runs.rolled_back, "blocked": runs.blocked, "held": runs.held,
    "stranded": runs.stranded, "running": runs.running, "cut off": runs.running, "empty": runs.empty,
}  # fmt: skip


def words(page: str) -> str:
    """What a reader of the page reads, in one line."""
    return " ".join(html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)).split())


def series(metric: str, values: list[float], every: float = 15) -> dict[str, list[Sample]]:
    return {metric: [Sample(BEGAN + datetime.timedelta(seconds=every * at), metric, v) for at, v in enumerate(values)]}


@pytest.mark.parametrize("kind", KINDS)
def test_every_outcome_has_a_page_of_its_own_without_script_or_inline_style(kind: str) -> None:
    page = run_page(RunFacts(KINDS[kind](), alive=kind == "running"))
    assert page.startswith("<!doctype html>")
    heading = re.search(r"<h1[^>]*>(.*?)</h1>", page)
    assert heading
    assert heading[1].startswith(kind.upper() if kind != "empty" else "CUT OFF")
    assert not re.search(r"<script|<link|<img|<iframe| style=| on\w+=|url\(|@import", page)
    styles = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in styles]
    allowed = f"default-src 'none'; style-src 'sha256-{digests[0]}'; base-uri 'none'; form-action 'none'"
    assert (len(digests), allowed in html.unescape(page)) == (1, True)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_why_stands_before_everything_else_with_evidence_and_fix() -> None:
    said = words(run_page(RunFacts(runs.rolled_back())))
    order = ("ROLLED BACK", "Because watch: /health answered 500", "What stopped it", "/health answered 500",
             "watch.stays-well", "Fix curl -i https://x", "What to do next", "Who agreed", "Timeline")  # fmt: skip
    at = said.index("ROLLED BACK: production")
    for text in order:
        at = said.index(text, at)
    assert "users had it for 30.0 s" in said


def test_before_and_after_are_what_production_served() -> None:
    assert "deployment dpl_old dpl_old" in words(run_page(RunFacts(runs.rolled_back())))
    assert "deployment dpl_old dpl_new" in words(run_page(RunFacts(runs.deployed())))
    assert "deployment dpl_old nobody knows: look now" in words(run_page(RunFacts(runs.stranded())))
    assert "Before and after" not in words(run_page(RunFacts(runs.blocked())))


def test_what_is_to_be_done_by_hand_is_loud_and_what_undoes_it_is_a_command() -> None:
    assert "Do this now, by hand promote: vercel: 500. Run vercel rollback dpl_old" in words(
        run_page(RunFacts(runs.stranded()))
    )
    assert '<code>./inv rollback <span class="flag">--target</span> production</code>' in run_page(
        RunFacts(runs.deployed())
    )
    assert "What to do next" not in words(run_page(RunFacts(runs.running(), alive=True)))


def test_the_gravest_comes_first_and_what_did_not_stop_it_is_not_among_it() -> None:
    told = promoted().gate(50, "b", "not yet", 1, finding("not yet", "b", "late"))
    told.gate(51, "c", "warn", 1, finding("warn", "c", "odd")).gate(52, "a", "block", 1, finding("block", "a", "no"))
    told.tell(60, "going back", reason="watch: a no")
    assert [(one.name, one.verdict) for one in stopping(told.report)] == [("a", "block"), ("b", "not yet")]
    failed = (
        Telling().stage(1, "build").tell(2, "step begins", "build").tell(3, "step failed", "build", error="disk full")
    )
    failed.tell(4, "going back", reason="disk full")
    assert [(one.name, one.says) for one in stopping(failed.report)] == [("build", "disk full")]


def test_bars_say_what_ran_side_by_side_and_what_a_stage_waited_for() -> None:
    stages = {stage.name: stage for stage in timeline(runs.deployed())}
    rows = {row.name: row for row in stages["preflight"].rows}
    green, freeze = rows["source.ci-is-green"], rows["calendar.no-freeze"]
    assert green.answers == 2
    assert green.bar.left == round((2 - 0.9 - 1) / 5 * STEPS), "it began to be asked before its first answer"
    assert green.bar.left + green.bar.width == round((5 - 1) / 5 * STEPS)
    assert green.bar.left < freeze.bar.left < freeze.bar.left + freeze.bar.width < green.bar.left + green.bar.width
    assert stages["preflight"].longest == "source.ci-is-green, 3.9 s"
    assert stages["watch"].longest == "its watch of 10 min 00 s"
    assert stages["watch"].bar.left == round(41 / 642 * STEPS)
    stopped = {stage.name: stage for stage in timeline(runs.rolled_back())}["watch"]
    assert stopped.longest == "", "it ended before its watch did"
    back = timeline(runs.rolled_back())[-1]
    assert (back.name, [row.name for row in back.rows]) == ("going back", ["promote"])


def test_waiting_for_people_is_a_row_and_who_agreed_and_what_was_waived_is_said() -> None:
    waiver = {"gate": "ci", "subject": "", "until": "2026-12-01", "by": "ada", "reason": "flaky", "signed_by": "kim"}
    told = Telling(waivers=[waiver]).stage(1, "preflight")
    told.tell(2, "waiting for people begins", "approval.is-approved", says="the release has 0 of 1 approvals")
    told.tell(62, "waiting for people ends", "approval.is-approved", ms=60_000)
    people = [{"by": "grace", "at": "2026-11-02T09:00:00Z", "via": "github"}]
    told.tell(62, "approvals read", approvals=people, change={"number": "7", "author": "kim"})
    told.tell(63, "plan read", "f00d").settled(64, "preflight")
    given = GivenApproval("r1", "production", "f00d", "c", "dana", "2026-11-02T10:00:30Z", ())
    said = words(run_page(RunFacts(told.report, given=(given,))))
    assert "people … waited for the release has 0 of 1 approvals 1 min 00 s" in said
    assert "Pull request 7 by kim." in said
    assert "grace a review on GitHub 2026-11-02 09:00:00 UTC" in said
    assert "dana signed with a key, for exactly this plan" in said
    assert "ci until 2026-12-01 by ada: flaky (signed by kim)" in said


def test_migrations_have_their_locks_and_how_long_they_took() -> None:
    tried = {
        "on": "branch b",
        "tried": [{"name": "1_a", "ms": 12, "lock": "AccessExclusiveLock"}, {"name": "2_b", "ms": 3}],
    }
    told = Telling().stage(1, "rehearse").step(1, 2, "rehearse", {"type": "Rehearsal", "value": tried})
    told.step(3, 4, "migrate", {"type": "AppliedMigrations", "value": {"names": ["1_a"], "ms": [40]}})
    first, second = told.report.migrated
    assert first == MigrationReport("1_a", 40, 12, "AccessExclusiveLock", True)
    assert second == MigrationReport("2_b", 0, 3)
    said = words(run_page(RunFacts(told.report)))
    assert "Tried first on branch b." in said
    assert "1_a AccessExclusiveLock nobody reads or writes 12 ms 40 ms yes" in said
    assert "2_b none seen 3 ms not measured no" in said


def test_a_record_of_an_older_tool_still_has_a_page() -> None:
    old = {"type": "AppliedMigrations", "value": {"names": ["1_a"]}}
    assert Telling().stage(1, "migrate").step(1, 2, "migrate", old).report.migrated == [
        MigrationReport("1_a", applied=True)
    ]


def test_readings_are_drawn_beside_what_is_usual_and_the_limit_and_said_in_words() -> None:
    limit = ReadingLimit(50, "health.slowest_ms")
    seen = readings(series("health.ms", [30, 40, 60]), BEGAN, {"health.ms": (35.0, 45.0, 40.0)}, {"health.ms": limit})
    page = run_page(RunFacts(runs.deployed(), seen))
    assert "past its limit" in page
    assert "30 to 60, median 40 in 3 readings; usually 40 (last 3 good releases); limit 50: exceeded" in words(page)
    drawing = page[page.index("<svg") : page.index("</svg>")]
    for serie in ("serie-0", "serie-1", "serie-2"):
        assert re.search(rf'class="series {serie} [^>]*"><path d="M', drawing), serie
    assert re.search(r"\.serie-1 \.line\{[^}]*stroke-dasharray", page), "told apart without colour"


def test_small_numbers_keep_their_digits_on_the_axis() -> None:
    drawing = reading_chart(readings(series("errors.rate", [0.01, 0.04, 0.02]), BEGAN, {}, {})[0])
    assert {"0.02", "0.03"} & set(re.findall(r"<text[^>]*>([^<]*)</text>", drawing))


def test_a_limit_far_away_is_said_and_does_not_flatten_the_line() -> None:
    far = ReadingLimit(5000, "health.slowest_ms")
    (one,) = readings(series("health.ms", [30, 40]), BEGAN, {}, {"health.ms": far})
    assert (one.draws_limit, one.passed) == (False, False)
    assert "limit 5,000: kept, off the chart" in words(run_page(RunFacts(runs.deployed(), (one,))))
    low = ReadingLimit(99.5, "uptime.availability_percent", least=True)
    (one,) = readings(series("uptime.availability_percent", [99, 100]), BEGAN, {}, {"uptime.availability_percent": low})
    assert (one.draws_limit, one.passed) == (True, True)


def test_no_peak_is_lost_when_there_are_too_many_points() -> None:
    points = [(float(at), 1.0) for at in range(5000)]
    points[1234], points[4321] = (1234.0, 99.0), (4321.0, -99.0)
    kept = drawn(points)
    assert len(kept) <= 2 * DRAWN
    assert {(1234.0, 99.0), (4321.0, -99.0)} <= set(kept)
    assert list(kept) == sorted(kept)


def test_the_charting_library_leaves_no_import_hook_behind() -> None:
    reading_chart(readings(series("health.ms", [30, 40]), BEGAN, {}, {})[0])
    assert [hook for hook in sys.meta_path if not hasattr(hook, "find_spec")] == []


def test_without_the_charting_library_it_is_said_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygal", None)
    charts._pygal.cache_clear()
    with pytest.raises(Mistake, match=r"pygal: not installed; type +pip install"):
        bar_chart(["a"], [1.0])
    charts._pygal.cache_clear()


def test_numbers_are_short() -> None:
    assert [number(value) for value in (1240, 41.5, 0.01234, 123.456)] == ["1,240", "41.5", "0.0123", "123.5"]


@pytest.mark.parametrize("text", ATTACKS, ids=ascii)
def test_what_others_write_is_only_words(text: str) -> None:
    hostile = runs.rolled_back(text, text)
    hostile.by_hand, hostile.waivers = [text], [{"gate": text, "until": text, "by": text, "reason": text}]
    hostile.approvals, hostile.change = [{"by": text, "at": text, "via": text}], {"number": text, "author": text}
    hostile.production = hostile.theirs = hostile.accepted_by = hostile.glass = hostile.glass_by = text
    hostile.staged = {"id": text, "url": text}
    hostile.stages[-1].lines[-1].findings[0]["fix"] = f"http://{text}"
    page, plain = run_page(RunFacts(hostile)), run_page(RunFacts(runs.rolled_back("x", "x")))
    assert not LIVE.search(page.replace("\n", ""))
    assert set(re.findall(r"<(\w+)", page)) <= set(re.findall(r"<(\w+)", plain)) | {"div", "ol", "svg"}
    assert not re.search(r'href="(?!https?://|#|")', page)


def largest() -> tuple[Report, RunFacts]:
    """An hour's watch, read every five seconds, and two hundred migrations."""
    names = [f"2026{at:04}_migration_number_{at}" for at in range(200)]
    told = Telling().stage(1, "rehearse")
    tried = [{"name": name, "ms": 12, "lock": "AccessExclusiveLock"} for name in names]
    told.step(1, 2, "rehearse", {"type": "Rehearsal", "value": {"on": "branch", "tried": tried}}).settled(3, "rehearse")
    told.stage(3, "migrate")
    told.step(3, 60, "migrate", {"type": "AppliedMigrations", "value": {"names": names, "ms": [40] * 200}})
    told.settled(61, "migrate").stage(61, "watch", during=3600)
    for gate in range(60):
        for second in range(0, 3600, 300):
            told.gate(61 + second, f"watch.gate-{gate}", "pass", 300, finding("warn", "it", f"was odd at {second}"))
    report = told.settled(3700, "watch").tell(3701, "run ended", outcome="deployed").report
    metrics = {
        f"metric.{at}": series(f"metric.{at}", [float(v % 97) for v in range(720)], 5)[f"metric.{at}"]
        for at in range(40)
    }
    seen = readings(metrics, BEGAN, dict.fromkeys(metrics, (40.0, 50.0)), {})
    return report, RunFacts(report, seen)


def test_the_largest_run_is_a_page_of_less_than_a_megabyte() -> None:
    _, facts = largest()
    run_page(facts)
    began = time.process_time()
    page = run_page(facts)
    assert time.process_time() - began < 5
    assert len(page.encode()) < 1_000_000
    assert page.count("<svg") == 24
    assert page.count("AccessExclusiveLock") == 200


def test_a_picture_that_is_drawn_quickly_is_the_one_that_the_library_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    (reading,) = readings(series("health.ms", [30, 40, 60]), BEGAN, {"health.ms": (35.0,)}, {})
    quick = reading_chart.__wrapped__(reading), bar_chart(("a", "b"), (1, 2))
    library = charts._pygal()
    monkeypatch.setattr(library.graph.base, "Svg", library.graph.base.Svg.__mro__[1])
    monkeypatch.setattr(charts, "_quick", lambda kind: getattr(library, kind))
    assert (reading_chart.__wrapped__(reading), bar_chart(("a", "b"), (1, 2))) == quick


def test_only_the_pictures_that_are_shown_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn_ones: list[str] = []
    monkeypatch.setattr(runpage, "reading_chart", lambda one: drawn_ones.append(one.metric) or "")  # type: ignore[func-returns-value]
    many = {f"m{at:02}": series("x", [1, 2])["x"] for at in range(runpage.CHARTS + 9)}
    run_page(RunFacts(runs.deployed(), readings(many, BEGAN, {}, {})))
    assert len(drawn_ones) == runpage.CHARTS

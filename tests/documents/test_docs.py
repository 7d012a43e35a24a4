"""The generated documents: complete, current, and without a dead end."""

import itertools
import re
from collections import Counter
from pathlib import Path

import psycopg
import pytest

import tasks
from checks.healthy import healthy
from checks.outcome import Outcome
from pipeline.config import load, schema
from pipeline.definitions.deploy import DEPLOY, PIPELINES
from pipeline.documents.completeness import FENCE, audit, headings
from pipeline.documents.pages.every import PROSE, documents
from pipeline.documents.pages.programs import PROGRAMS, programs_in
from pipeline.documents.pages.runbook import CHECKLIST
from pipeline.documents.pages.words import NAME, NOTICE, PLACEHOLDERS, known_here
from pipeline.documents.writing import Sources, known, pages, stale
from pipeline.emergency import steps as emergency
from pipeline.handbook.playbooks import PLAYBOOKS
from pipeline.handbook.queries import QUERIES
from pipeline.handbook.severity import SEVERITIES
from pipeline.handbook.troubles import TROUBLES
from pipeline.render.aiming import aimed
from pipeline.render.markdown import anchor
from pipeline.session.askable import given_by_steps
from pipeline.world.secrets import OPTIONAL, SECRETS

ROOT = Path(__file__).resolve().parent.parent.parent
CONFIG = load(ROOT / "deploy.yml")
POLICIES = CONFIG.policies["production"]
WRITTEN = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "runbooks/prose").glob("*.md")}
COMMANDS = tasks.command_words()
SOURCES = Sources(CONFIG, ROOT, COMMANDS)
DOCUMENTS = documents(CONFIG.file, POLICIES, WRITTEN, COMMANDS)
PAGES = {Path(name).name: text for name, text in DOCUMENTS.items() if name.endswith(".md")}
RUNBOOK, INCIDENTS = PAGES["deployment-runbook.md"], PAGES["incident-response.md"]
TROUBLESHOOTING, MONITORING, REFERENCE = (
    PAGES[f"{name}.md"] for name in ("troubleshooting", "monitoring", "reference")
)
GATES = dict.fromkeys(
    [gate for pipeline in PIPELINES.values() for gate in pipeline.gates]
    + [gate for p in PIPELINES.values() for s in p.steps if s.undo for gate in s.undo.proved_by]
)
STEPS = dict.fromkeys(step for pipeline in PIPELINES.values() for step in pipeline.steps)

every_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)


def in_order(page: str, *wanted: str) -> None:
    found = headings(page)
    places = [found.index(heading) for heading in wanted]
    assert places == sorted(places)


def test_the_storys_sections_are_all_there_in_its_order() -> None:
    in_order(
        RUNBOOK,
        "Pre-Deployment Checklist",
        "Deployment Steps (Vercel)",
        "Post-Deployment Validation",
        "Rollback Procedure",
    )
    in_order(
        INCIDENTS,
        "Severity Classification",
        "Incident Response Flow",
        "Common Incident Scenarios",
        "Site Down",
        "Database Unreachable",
        "Deployment Failure",
        "Error Spike",
        "Performance Degradation",
        "Authentication Failure",
        "Escalation Procedures",
        "Stakeholder Notification Protocol",
        "Post-Incident Review Template",
    )
    in_order(
        TROUBLESHOOTING,
        "Common Errors and Fixes",
        "Log Access Instructions",
        "Vercel Logs",
        "Sentry Errors",
        "Structured Logs (Pino)",
        "Database Diagnostic Queries",
        "Performance Debugging Techniques",
    )
    in_order(
        MONITORING,
        "Sentry Dashboard",
        "Vercel Analytics Dashboard",
        "Better Stack Monitoring",
        "Escalation Thresholds",
        "Historical Baselines",
        "Daily Monitoring Checklist",
        "Weekly Monitoring Checklist",
    )


def test_nothing_is_missing_and_nothing_points_nowhere() -> None:
    assert audit(pages(DOCUMENTS), known(SOURCES)) == ()


def test_every_act_of_the_emergency_has_an_entry() -> None:
    for act in emergency.STEPS:
        assert f"\n#### Rollback: {act.__name__.replace('_', '-')}\n" in RUNBOOK


def test_every_preflight_gate_is_on_the_checklist() -> None:
    ticks = RUNBOOK.partition("## Pre-Deployment Checklist")[2].partition("\n## ")[0]
    assert {family for _, families in CHECKLIST for family in families} == {g.family for g in DEPLOY.stages[0].asks}
    assert ticks.count("- [ ]") == len(DEPLOY.stages[0].asks)


def test_what_a_gate_says_in_its_examples_is_what_the_runbook_quotes() -> None:
    for gate in GATES:
        entry = RUNBOOK.partition(f"\n#### {gate.name}\n")[2].partition("\n#### ")[0]
        for example in gate.examples:
            assert f"… {example.situation}:" in entry
            for finding in gate.ask_example(example, healthy(gate.name)):
                assert aimed(f"{finding.verdict.word}: {finding}", "production") in entry


def test_every_outcome_policy_key_and_secret_is_in_the_reference() -> None:
    for outcome in Outcome:
        assert f"| {outcome.code} | {outcome.word} |" in REFERENCE
    for kind in (schema(), *schema()["$defs"].values()):
        for key, value in kind.get("properties", {}).items():
            assert f"| `{key}` |" in REFERENCE
            assert value.get("description") or "$ref" in str(value), f"{key} has no docstring"
    for name in (*SECRETS, *OPTIONAL):
        assert f"| `{name}` |" in REFERENCE


def test_every_command_is_in_the_reference_with_its_options() -> None:
    assert len(COMMANDS) > 40
    for one in COMMANDS:
        assert f"| `./inv {one.name}` | {one.does} |" in REFERENCE, "and every command says what it does"
        for flag, words in one.options:
            assert words, f"{one.name} {flag} says nothing"
            assert f"| `{flag}` |" in REFERENCE


def test_every_playbook_and_severity_is_in_the_incident_response() -> None:
    for one in PLAYBOOKS:
        scenario = INCIDENTS.partition(f"\n### {one.title}\n")[2].partition("\n### ")[0]
        for part in ("You see", "It means", "Users", "Severity", "Diagnose", "Mitigate", "Verify", "Communicate"):
            assert f"**{part}" in scenario
        assert all(clue.gate.name in scenario for clue in one.ask)
    for severity in SEVERITIES:
        assert severity.heading in INCIDENTS
        assert severity.means in INCIDENTS
    assert len({one.name for one in PLAYBOOKS}) == len(PLAYBOOKS)


def test_every_question_of_a_playbook_can_be_asked_outside_a_run() -> None:
    asked = {clue.gate for one in PLAYBOOKS for clue in one.ask} | {gate for one in PLAYBOOKS for gate in one.verify}
    assert [gate.name for gate in asked if given_by_steps(gate)] == []


def test_every_clue_to_another_playbook_names_one() -> None:
    titles = {one.title for one in PLAYBOOKS}
    words = [clue.no_means for one in PLAYBOOKS for clue in one.ask] + [r.does for p in PLAYBOOKS for r in p.mitigate]
    assert {title for text in words for title in re.findall(r"\bgo to \*([^*]+)\*", text)} <= titles


def test_contacts_come_from_deploy_yml() -> None:
    for contact in POLICIES.contacts.escalation:
        assert contact.name in INCIDENTS
        assert contact.reach in INCIDENTS
    assert POLICIES.contacts.channel in INCIDENTS


def test_thresholds_follow_the_policies() -> None:
    assert f"{POLICIES.errors.times_baseline:g} × the baseline" in MONITORING
    assert f"< {POLICIES.uptime.availability_percent:g} %" in MONITORING
    assert f"{POLICIES.uptime.slowest_ms / 1000:g} seconds" in MONITORING
    assert f"p95 above {POLICIES.performance.p95_ms / 1000:g} seconds" in RUNBOOK


def test_every_required_variable_is_on_the_verification_checklist() -> None:
    for variable in POLICIES.environment.required:
        assert f"- [ ] `{variable.name}`" in RUNBOOK


@every_page
def test_no_two_headings_share_an_anchor(page: str) -> None:
    twice = [name for name, count in Counter(map(anchor, headings(page))).items() if count > 1]
    assert twice == []


@every_page
def test_every_name_to_fill_in_is_explained(page: str) -> None:
    legend = page.partition("## What to fill in")[2].partition("\n## ")[0]
    explained = set(re.findall(r"^\| `\$([A-Z0-9_]+)` \|", legend, re.MULTILINE))
    assert set(NAME.findall(page)) == explained


def test_no_explanation_is_left_over() -> None:
    used = {name for page in PAGES.values() for name in NAME.findall(page)}
    assert set(PLACEHOLDERS) <= used


def test_what_deploy_yml_knows_is_filled_in() -> None:
    for name, value in known_here(CONFIG.file, POLICIES).items():
        assert name in PLACEHOLDERS
        assert any(f"here `{value}`" in page for page in PAGES.values()), name


@every_page
def test_charts_are_well_formed(page: str) -> None:
    for language, chart in FENCE.findall(page):
        if language == "mermaid":
            lines = [line.strip() for line in chart.splitlines()]
            assert lines[0].startswith("flowchart ")
            for opening, closing in ("[]", "()", "{}"):
                assert chart.count(opening) == chart.count(closing)
            assert all(line.count('"') % 2 == 0 for line in lines)
            defined = re.findall(r"(?:^|> )(\w+)[\[({]", chart, re.MULTILINE)
            ids = re.findall(r"^ +(\w+)[\[({]|-+> (\w+)[\[({]", chart, re.MULTILINE)
            names = [a or b for a, b in ids]
            assert len(names) == len(set(names)), Counter(names).most_common(1)
            used = {
                end for line in lines if "-->" in line for end in (line.split()[0], line.split("-->")[1].split()[0])
            }
            assert {re.match(r"\w+", end)[0] for end in used} <= {*names, *defined}  # type: ignore[index]
            assert "end" not in names, "a word of Mermaid's own"


def test_the_chart_shows_every_end_with_its_exit_code() -> None:
    for outcome in Outcome:
        assert f"{outcome.word}: exit {outcome.code}" in RUNBOOK


@every_page
def test_a_page_reads_clean(page: str) -> None:
    assert page.startswith(NOTICE)
    assert page.endswith("\n")
    text = re.sub(r"\]\([^)]*\)", "]", FENCE.sub("", page))
    assert page.count("```") % 2 == 0
    assert not re.search(r"\.\.(?!\.)(?<!\.\.\.)", text), "two full stops"
    assert not re.search(r"\bNone\b", text)
    assert not re.search(r"^ +$", page, re.MULTILINE), "a line of blanks"
    assert "\n\n\n" not in page
    assert not re.search(r"^(#+) [^\n]+\n+\1 ", text, re.MULTILINE), "an empty section"
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        columns = {len(re.split(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(columns) == 1, block


@every_page
def test_commands_are_real(page: str) -> None:
    for command in re.findall(r"`vercel (?:rollback|promote)[^`]*`", page):
        assert "$" in command or "dpl_" in command or command in ("`vercel rollback`", "`vercel promote`"), command
    for line in (line for _, block in FENCE.findall(page) for line in block.splitlines()):
        assert not re.fullmatch(r"\s*vercel (rollback|promote)\s*", line)


OF_PRODUCTION = ("deployment-runbook.md", "incident-response.md", "troubleshooting.md", "monitoring.md")
"""What somebody reads who was paged: a command without a target would go to the usual one, which may be the sandbox."""


@pytest.mark.parametrize("name", OF_PRODUCTION)
def test_every_command_of_a_page_about_production_goes_to_production(name: str) -> None:
    assert aimed(PAGES[name], "production") == PAGES[name]
    assert "./inv rollback --target production" in RUNBOOK


@every_page
def test_every_command_of_the_tool_is_one_and_has_these_flags(page: str) -> None:
    flags = {one.name: {f"--{flag.lstrip('-').lower()}" for flag, _ in one.options} for one in COMMANDS}
    flags["check"] = {"--target"}
    for name, line in re.findall(r"\./inv ([a-z][a-z0-9.-]*[a-z])((?:(?!\./inv)[^`\n|;])*)", page):
        if not name.startswith("check."):
            assert name in flags, name
            assert set(re.findall(r"(?<!\S)--[a-z][a-z-]*", line.partition("   ")[0])) <= flags[name], (name, line)


@every_page
def test_no_heading_leaves_out_a_level(page: str) -> None:
    levels = [len(line) for line in re.findall(r"^(#+) ", FENCE.sub("", page), re.MULTILINE)]
    assert all(below <= above + 1 for above, below in itertools.pairwise(levels))


@pytest.mark.parametrize("name", OF_PRODUCTION)
def test_what_is_said_of_evidence_is_a_sentence_and_nothing_of_the_code(name: str) -> None:
    said = re.findall(r"^\* `[A-Z]\w+`: (.*)$", PAGES[name], re.MULTILINE)
    assert not [one for one in said if "``" in one or re.search(r"[a-z] `\w+`(?: is|:| names)", one)]


def test_the_storys_five_errors_are_in_the_table() -> None:
    errors = {one.error for troubles in TROUBLES.values() for one in troubles}
    for error in ("Database Connection Failure", "R2 Storage Error", "Authentication Error", "Rate Limiting"):
        assert error in errors
    for code in ("P1001", "P1002", "P3009", "P3018", "401", "missing_files", "409", "pinned"):
        assert any(code in error for error in errors), code


def test_every_query_runs(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        for queries in QUERIES.values():
            for query in queries:
                if query.needs:
                    there = connection.execute(
                        "select from pg_available_extensions where name = %s", (query.needs,)
                    ).fetchone()
                    if there is None:
                        continue
                    connection.execute(f"create extension if not exists {query.needs}")  # type: ignore[arg-type]
                    connection.execute(f"prepare one as {query.sql}")  # type: ignore[arg-type]
                else:
                    connection.execute(query.sql)  # type: ignore[arg-type]


def test_every_prose_file_has_a_place() -> None:
    assert set(WRITTEN) == set(PROSE)
    for name, text in WRITTEN.items():
        assert any(text.strip() in page for page in PAGES.values()), name


def test_without_prose_the_documents_still_stand() -> None:
    for name, text in documents(CONFIG.file, POLICIES, {}, COMMANDS).items():
        assert text.startswith(NOTICE) or name.endswith(".json")


def test_documents_are_the_same_every_time() -> None:
    assert documents(CONFIG.file, POLICIES, WRITTEN, COMMANDS) == DOCUMENTS


def test_runbooks_are_current() -> None:
    assert stale(SOURCES) == ""


def test_every_program_of_a_page_is_said_to_be_had_where_and_how_to_log_in() -> None:
    for page, text in PAGES.items():
        if "## What to fill in" not in text:  # a sheet of a drill, and the list of what ran
            continue
        begin, rest = text.partition("## What to fill in")[0], text.partition("## What to install")[2]
        wanted = {row[0].strip("`") for row in programs_in(begin)}
        assert {name for name in PROGRAMS if f"| `{name}` |" in rest} == wanted, page
    assert {"vercel", "gh", "psql", "curl"} <= {row[0].strip("`") for row in programs_in(PAGES["incident-response.md"])}

"""The troubleshooting guide: errors and fixes, logs, questions to the database, and what is slow."""

from pipeline.config import DeployFile, Policies
from pipeline.documents.pages.incidents import TITLES, playbook_link
from pipeline.documents.pages.words import INCIDENTS, known_here, linked, page
from pipeline.handbook.logsources import LOG_SOURCES, LogSource
from pipeline.handbook.queries import QUERIES, Query
from pipeline.handbook.techniques import TECHNIQUES
from pipeline.handbook.troubles import TROUBLES, Trouble
from pipeline.render.markdown import bullets, fence, numbered, stop, table, upper

OPENING = """
Search this page for the words of the error. When users are affected right now, begin with
[incident-response.md](incident-response.md) instead: it tells you what to do first.
"""


def troubleshooting(file: DeployFile, policies: Policies) -> str:
    """The whole document."""
    parts = (_errors(), _logs(), _queries(), _performance())
    return page("Troubleshooting", OPENING, "\n\n".join(parts), known_here(file, policies))


def _errors() -> str:
    text = ["## Common Errors and Fixes"]
    for heading, troubles in TROUBLES.items():
        text += [
            f"### {heading}",
            table(("Error", "Symptoms", "Diagnosis", "Resolution"), [_row(one) for one in troubles]),
        ]
    return "\n\n".join(text)


def _row(one: Trouble) -> tuple[str, ...]:
    more = f" {upper(playbook_link(one.playbook, INCIDENTS))}." if one.playbook else ""
    return one.error, one.symptoms, _linked(one.diagnosis), _linked(stop(one.resolution)) + more


def _logs() -> str:
    return "\n\n".join(("## Log Access Instructions", *map(_source, LOG_SOURCES)))


def _source(one: LogSource) -> str:
    language = "sh" if one.searches[0][0].startswith("vercel") else "text"
    searches = [f"{upper(stop(tells))}\n\n{fence(search, language)}" for search, tells in one.searches]
    return "\n\n".join(
        (
            f"### {one.title}",
            stop(one.where),
            f"Kept for: {stop(one.keeps)}",
            bullets(searches),
            bullets(_linked(note) for note in one.notes),
        )
    )


def _queries() -> str:
    text = [
        "## Database Diagnostic Queries",
        "They only read. Use the direct address, so that the pooler is out of the way; Neon's SQL Editor does as well:",
        fence('psql "$DIRECT_URL"'),
    ]
    for heading, queries in QUERIES.items():
        text += [f"### {heading}", *map(_query, queries)]
    text += [
        "### Stop a query",
        "Gently first. The second one also cuts the connection. Both roll its transaction back.",
        fence("SELECT pg_cancel_backend($PID);\nSELECT pg_terminate_backend($PID);", "sql"),
    ]
    return "\n\n".join(text)


def _query(one: Query) -> str:
    needs = f" Needs the extension: `CREATE EXTENSION {one.needs};`" if one.needs else ""
    return f"#### {one.name}\n\nTells: {one.tells}. Worry: {stop(one.worry)}{needs}\n\n{fence(one.sql, 'sql')}"


def _linked(text: str) -> str:
    here = {query.name: "" for queries in QUERIES.values() for query in queries}
    return linked(text, here | dict.fromkeys(TITLES.values(), INCIDENTS))


def _performance() -> str:
    text = ["## Performance Debugging Techniques"]
    for one in TECHNIQUES:
        text += [f"### {one.title}", numbered(_linked(step) for step in one.steps)]
    return "\n\n".join(text)

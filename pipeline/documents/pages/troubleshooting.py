"""The troubleshooting guide: errors and fixes, logs, questions to the database, and what is slow."""

from pipeline.config import DeployFile, Policies
from pipeline.documents.pages.incidents import TITLES, playbook_link
from pipeline.documents.pages.words import INCIDENTS, document, known_here, linked
from pipeline.handbook.logsources import LOG_SOURCES, LogSource
from pipeline.handbook.queries import QUERIES
from pipeline.handbook.techniques import TECHNIQUES
from pipeline.handbook.troubles import TROUBLES, Trouble
from pipeline.render.markdown import stop, upper


def troubleshooting(file: DeployFile, policies: Policies) -> str:
    """The whole page."""
    return document(
        "troubleshooting",
        known_here(file, policies),
        trouble_rows={
            heading: [_trouble_row(trouble) for trouble in troubles] for heading, troubles in TROUBLES.items()
        },
        log_sources=LOG_SOURCES,
        queries=QUERIES,
        techniques=TECHNIQUES,
        language=_language,
        linked=_linked,
    )


def _trouble_row(trouble: Trouble) -> tuple[str, ...]:
    more = f" {upper(playbook_link(trouble.playbook, INCIDENTS))}." if trouble.playbook else ""
    return trouble.error, trouble.symptoms, _linked(trouble.diagnosis), _linked(stop(trouble.resolution)) + more


def _language(source: LogSource) -> str:
    """The language of a log source's searches: a shell's, or the vendor's own."""
    return "sh" if source.searches[0].command.startswith("vercel") else "text"


def _linked(text: str) -> str:
    here = {query.name: "" for queries in QUERIES.values() for query in queries}
    return linked(text, here | dict.fromkeys(TITLES.values(), INCIDENTS))

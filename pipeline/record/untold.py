"""What GitHub could not be told of runs, until it was: written down beside the runs, as their approvals are."""

import json

from pipeline.clients.githubdeployments import ReleaseNews
from pipeline.record.bounded import Store
from pipeline.record.journal import Journal

OWED, PAID = "github untold", "github told"


def owe(journal: Journal, target: str, news: ReleaseNews, because: str) -> None:
    """Write down that GitHub has still to hear ``news`` of a run on ``target``."""
    journal.append(OWED, news.run, target=target, because=because, exact={"news": news})


def paid(journal: Journal, news: ReleaseNews) -> None:
    """Write down that GitHub knows how the run stands."""
    journal.append(PAID, news.run, state=news.state)


def owed(store: Store, target: str) -> tuple[ReleaseNews, ...]:
    """The last news of each run on ``target`` that GitHub has not heard, oldest first."""
    waiting: dict[str, ReleaseNews] = {}
    sql = "select kind, subject, body from deploy_events where kind in (?, ?) order by seq"
    for kind, run, text in store.execute(sql, OWED, PAID):
        waiting.pop(run, None)
        body = json.loads(text)
        if kind == OWED and body["target"] == target:
            waiting[run] = ReleaseNews(**body["news"])
    return tuple(waiting.values())

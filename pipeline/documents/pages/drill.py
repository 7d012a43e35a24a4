"""A drill on paper: the sheets before it, and the result after it."""

from pipeline.documents.pages.words import NOTICE
from pipeline.drills.scenario import Break, Scenario
from pipeline.drills.score import Score
from pipeline.handbook.playbooks import named
from pipeline.incidents.review import spelt
from pipeline.record.incidents import Incident
from pipeline.render.markdown import bullets, fence, link, numbered, spell, table

LIVE = "$LIVE"


def participant_sheet(one: Scenario) -> str:
    """What everybody in the room gets: no answers."""
    return _page(
        f"# Drill: {one.title}",
        "For participants. Do not read the facilitator's sheet.",
        "## The Picture",
        one.picture.strip(),
        "## The Alarm",
        f"From {one.alarm.source}: *{one.alarm.says}*.",
        "## What You Do",
        numbered(
            (
                "Say who leads, who types, who writes. Alone you are all three.",
                "Choose the severity and the playbook, and say why, aloud.",
                "Follow the playbook as it is written; where it is unclear, say so before you go on, and note it.",
                "Write to everybody who has to hear, in time, with the words of the template.",
                "It is over when the playbook's last questions have said yes twice.",
            )
        ),
        f"Played by the tool: `./inv drill.{one.name}`. It breaks the sandbox, plays the alarm and follows the playbook"
        " with you; every command works on the sandbox meanwhile, in another terminal.",
    )


def facilitator_sheet(one: Scenario) -> str:
    """What only the facilitator gets."""
    book = named(one.playbook)
    title = link(book.title, page="../incident-response.md") if book else one.playbook
    limits = one.limits
    return _page(
        f"# Drill: {one.title}: Facilitator",
        "Only for the facilitator. Give participants the other sheet.",
        "## What Really Happens",
        one.secret,
        "## How It Is Made",
        f"By `./inv drill.{one.name}` in the sandbox, by itself; in a room without computers you say it:",
        numbered(_what(each) for each in (*one.before, *one.breaks, *one.over)),
        "## What Should Be Decided",
        table(
            ("question", "answer", "by when"),
            [
                ("is there an incident?", f"yes: {one.alarm.says}", spell(limits.detect)),
                ("how grave?", one.severity, "with the opening"),
                ("which playbook?", title, "with the opening"),
                ("what is done?", one.decision, f"{spell(limits.decide)} after the opening"),
                ("is it over?", "all last questions say yes, twice", f"{spell(limits.recover)} after the first harm"),
            ],
        ),
        "## Talk About It Afterwards",
        bullets(
            (*one.questions, "What was missing, unclear or wrong on the page you followed? Write it down as it was.")
        ),
        "## Score",
        "The tool scores what its journal has: alarm taken up 2, severity 2, playbook 1, decision 4 and 2 for its time,"
        " words in time 2, recovered in time 2, steady state seen twice 2, all-clear 1, and 1 for an alarm that went"
        " off. Without the tool, tick the same list.",
    )


def _what(one: Break) -> str:
    if one.ship:
        return f"the example release *{one.ship}* is deployed" + (f"; it ends as {one.ends}" if one.ends else "")
    if one.ship_and_kill:
        return f"the example release *{one.ship_and_kill}* is deployed, and its process killed while it watches"
    if one.roll_back:
        return "a colleague rolls production back"
    if one.fault:
        return "the faults end" if one.fault == "clear" else f"fault: `{one.fault.replace(LIVE, 'LIVE')}`"
    if one.hold:
        return f"a session of the database: `{' '.join(one.hold.split())}`"
    if one.crowd:
        return f"{one.crowd} visitors keep asking for the front page"
    if one.visit:
        return f"{one.times} visitors ask for `{one.visit}`"
    return "the world changes: " + ", ".join(f"`{service}`: {change}" for service, change in one.state.items())


def result_text(scenario: Scenario, found: Score, it: Incident) -> str:
    """For the terminal."""
    lines = [f"\n== {scenario.title}: {found.percent} % =="]
    lines += [f"  {one.got}/{one.of}  {one.name:<14} {one.says}" for one in found.points]
    lines += [f"  gap: {one.gap}" for one in found.gaps]
    return "\n".join(lines)


def result_markdown(scenario: Scenario, found: Score, it: Incident) -> str:
    """The file that is kept in ``runbooks/drills/results``."""
    took = [
        (name, "never" if value is None else spelt(value))
        for name, value in (
            ("detect", found.detect),
            ("decide", found.decide),
            ("recover", found.recover),
        )
    ]
    return (
        "\n\n".join(
            filter(
                None,
                (
                    f"# Result: {scenario.title}, {found.played[:10]}",
                    f"Score: {found.percent} %. Played by {found.by}. Incident {it.id}.",
                    table(("time to", "took"), took),
                    table(
                        ("counts", "points", "what was seen"),
                        [(o.name, f"{o.got}/{o.of}", o.says) for o in found.points],
                    ),
                    "## Gaps",
                    bullets(f"{one.name}: {one.gap}" for one in found.gaps) or "None.",
                    "## Timeline",
                    fence("\n".join(f"{one.at[11:19]}  {one.what}" for one in it.moments), "text"),
                ),
            )
        )
        + "\n"
    )


def overview(every: list[Scenario]) -> str:
    """The list of all drills."""
    rows = [
        (
            f"[{one.title}]({one.name}.participant.md)",
            one.severity,
            f"`./inv drill.{one.name}`",
            f"[facilitator]({one.name}.facilitator.md)",
            "yes" if one.from_story else "",
        )
        for one in every
    ]
    return _page(
        "# Tabletop Exercises",
        "Twice a year with the whole team, once for everybody who joins, and by the machine every week"
        " (`./inv drill.all --auto`). Results are kept in `results/`; every gap stays red in `./inv runbooks --check`"
        " until `./inv runbooks.done` closes it.",
        table(("drill", "severity", "command", "sheet", "from the story"), rows),
    )


def _page(*parts: str) -> str:
    return "\n\n".join((NOTICE, *parts)) + "\n"

"""What the doctor found, as text: grouped by service, each thing in a line: a terminal folds it."""

from collections.abc import Iterable, Sequence

from checks.gate import Verdict
from pipeline.adoption.symptoms import Symptom
from pipeline.redact import one_line

MARKS = {Verdict.PASS: "✓", Verdict.WARN: "!", Verdict.NOT_YET: "✗", Verdict.UNKNOWN: "?", Verdict.BLOCK: "✗"}


def symptoms_text(target: str, symptoms: Sequence[Symptom]) -> str:
    """Every line by service, how to mend each, and how many of which kind there are; one line of what is not used."""
    by_service = {one.service: [other for other in symptoms if other.service == one.service] for one in symptoms}
    idle = {service: mine for service, mine in by_service.items() if all(one.unused for one in mine)}
    looked_at = [one for one in symptoms if one.service not in idle]
    lines = list[str]()
    for service in dict.fromkeys(one.service for one in looked_at):
        lines += [service, *(line for one in by_service[service] for line in _lines(one))]
    if idle:
        why = ", ".join(f"{one_line(name)} ({one_line(mine[0].unused)})" for name, mine in idle.items())
        lines.append(f"Not used here, and not asked: {why}")
    return "\n".join([*lines, "", _summary(target, looked_at)])


def _lines(symptom: Symptom) -> list[str]:
    head = f"  {MARKS[symptom.verdict]} {one_line(symptom.subject)} {one_line(symptom.says)}"
    if symptom.verdict is Verdict.PASS:
        return [head]
    more = [
        ("→ ", symptom.page or symptom.fix),
        ("→ ", symptom.fix if symptom.page and symptom.fix and not symptom.scopes else ""),
        ("needs  ", symptom.scopes),
        ("paste  ", symptom.paste),
    ]
    return [head, *(f"      {words}{one_line(text)}" for words, text in more if text)]


def _summary(target: str, symptoms: Iterable[Symptom]) -> str:
    counts = dict.fromkeys(("missing or wrong", "not seen", "worth a look", "well"), 0)
    names = {Verdict.BLOCK: "missing or wrong", Verdict.NOT_YET: "missing or wrong", Verdict.UNKNOWN: "not seen"}
    for one in symptoms:
        counts[names.get(one.verdict, "worth a look" if one.verdict is Verdict.WARN else "well")] += 1
    return f"{target}: " + ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)

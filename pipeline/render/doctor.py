"""What the doctor found, as text: grouped by service, each thing in a line: a terminal folds it."""

from collections.abc import Iterable, Sequence

from checks.gate import Verdict
from pipeline.adoption.symptoms import Symptom
from pipeline.redact import one_line

MARKS = {Verdict.PASS: "✓", Verdict.WARN: "!", Verdict.NOT_YET: "✗", Verdict.UNKNOWN: "?", Verdict.BLOCK: "✗"}


def symptoms_text(target: str, symptoms: Sequence[Symptom]) -> str:
    """Every line by service, how to mend each, and how many of which kind there are."""
    lines = []
    for service in dict.fromkeys(one.service for one in symptoms):
        lines.append(service)
        for symptom in symptoms:
            if symptom.service == service:
                lines += _lines(symptom)
    return "\n".join([*lines, "", _summary(target, symptoms)])


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

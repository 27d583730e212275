"""What a soak found, as a page of docs/."""

from collections.abc import Iterable, Iterator, Sequence

from tests.soak.run import Report
from tests.soak.series import KINDS, Judgement

SHOWN_OF_EACH = 6


def page(report: Report, what: str) -> str:
    """Format the page. ``what``: when, on what, of which code."""
    return "\n".join(_lines(report, what)) + "\n"


def _lines(report: Report, what: str) -> Iterator[str]:
    yield "# Soak"
    yield ""
    yield "Written by `python -m tests.soak --report docs/soak.md` (`make soak HOURS=n REPORT=docs/soak.md`)."
    yield ""
    faults = sum(report.faults.values())
    yield f"{what}. {report.seconds / 3600:.2f} hours, {report.visits} crowds of bots, {faults} faults:"
    yield ", ".join(f"{count} x {fault}" for fault, count in sorted(report.faults.items())) + "."
    yield ""
    yield "Bots: " + ", ".join(f"{name} {count:,}" for name, count in report.bots.items()) + "."
    yield ""
    yield "**" + ("Nothing grows, and everybody was answered." if not report.wrong else "Not as it should be:") + "**"
    yield from (f"\n- {sentence}" for sentence in report.wrong)
    for kind, of_kind in _by_kind(report.judgements):
        yield from _table(kind, of_kind)


def _by_kind(judgements: Iterable[Judgement]) -> Iterator[tuple[str, list[Judgement]]]:
    found = list(judgements)
    yield from ((kind, [each for each in found if each.kind == kind]) for kind in KINDS)


def _table(kind: str, judgements: Sequence[Judgement]) -> Iterator[str]:
    """The steepest of a kind; the others are counted."""
    steepest = sorted(judgements, key=lambda each: (not each.is_bad, -each.per_hour))
    shown = steepest[:SHOWN_OF_EACH]
    yield from ("", f"## {kind[0].upper()}{kind[1:]} ({KINDS[kind].unit})", "")
    yield "| | first | last | most | an hour | |"
    yield "|---|---|---|---|---|---|"
    for each in shown:
        numbers = " | ".join(f"{value:,.1f}" for value in (each.first, each.last, each.most))
        yield f"| {each.name} | {numbers} | {each.per_hour:+,.1f} | {each.verdict} |"
    if len(judgements) > len(shown):
        yield f"| {len(judgements) - len(shown)} others | | | | less | |"

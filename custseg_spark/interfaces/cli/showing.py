"""The output of preview: columns, guesses, questions, first events, refused records."""

from collections.abc import Mapping, Sequence

from custseg_spark.core.mappings.guesses import Guess
from custseg_spark.core.mappings.shapes import Shape
from custseg_spark.engine.sources.heads import Head
from custseg_spark.pipeline.preview import Preview

_WIDEST = 24


def columns(head: Head, shapes: Sequence[Shape], mapped: Mapping[str, str]) -> str:
    """Return a line for each of the file's columns: the shape of its values, and its role."""
    becomes = {source: canonical for canonical, source in mapped.items()}
    rows = [
        (
            shape.name,
            ", ".join(shape.patterns) or shape.kind,
            f"{shape.blank_share:.1%}",
            f"{len(shape.values):,}",
            ", ".join(_cut(e) for e in shape.examples[:2]),
            becomes.get(shape.name, "–"),
        )
        for shape in shapes
    ]
    names = ("column", "looks like", "blank", "different", "examples", "becomes")
    absent = [source for source in mapped.values() if source not in head.columns]
    lines = [_where(head), "", *_table(names, rows)]
    if absent:
        lines.append(f"Not there: {', '.join(absent)}")
    return "\n".join(lines)


def guessed(head: Head, shapes: Sequence[Shape], guess: Guess) -> str:
    """Return the columns, and for each line of the guess its confidence and reason."""
    rows = [
        (line.canonical, line.shape.name, line.confidence, line.reason)
        for line in guess.lines.values()
    ]
    rows += [
        (key.name, _cut(str(key.value)), key.confidence, key.comment or "by its values")
        for key in guess.keys
    ]
    lines = [columns(head, shapes, guess.columns), "", "The guess"]
    return "\n".join([*lines, *_table(("line", "is", "confidence", "reason"), rows), ""])


def questions(guess: Guess) -> str:
    """Return the questions that only a person can answer, and remarks."""
    lines = [f"  {n}. {question}" for n, question in enumerate(guess.questions, start=1)]
    lines = ["", "To answer", *lines] if lines else []
    notes = [f"  {note}" for note in guess.notes]
    return "\n".join([*lines, *(["", "To know", *notes] if notes else [])])


def verdict(checked: Preview, limit: float) -> str:
    """Return the first events, the number of records that pass, and the reasons of the others."""
    total = checked.accepted + checked.duplicates + checked.refused + checked.ignored
    ignored = f" + {checked.ignored:,} ignored" if checked.ignored else ""
    lines = [""]
    if checked.first:
        names = tuple(checked.first[0])
        rows = [tuple(_cut(str(v)) for v in event.values()) for event in checked.first]
        lines += ["The first events", *_table(names, rows), ""]
    lines.append(
        f"{total:,} records = {checked.accepted:,} accepted + {checked.refused:,} rejected"
        f"{ignored} + {checked.duplicates:,} duplicates;"
        f" {checked.refused_share:.1%} rejected, at most {limit:.1%} allowed"
    )
    rows = [
        (
            reason.code,
            f"{reason.records:,}",
            f"row {reason.row}: {reason.field} ="
            f" {'nothing' if reason.value is None else repr(_cut(reason.value))},"
            f" expected {reason.expected}",
        )
        for reason in checked.reasons
    ]
    return "\n".join([*lines, *_table(("reason", "records", "the first"), rows)])


def _where(head: Head) -> str:
    table = f", '{head.table}'" if head.table else ""
    looked = (
        f"all {len(head.rows):,} records"
        if head.is_whole
        else (f"the first {len(head.rows):,} records; there are more")
    )
    layout = _layout(head)
    return f"{head.file.path}{table}: {looked}" + (f"\n{layout}" if layout else "")


def _layout(head: Head) -> str:
    """Describe unusual layouts of a file."""
    if not head.has_header:
        return "The first line looks like a record: a file without a header"
    return f"The header is in row {head.header_row}" if head.header_row > 1 else ""


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    return [
        "  " + "  ".join(f"{v:<{w}}" for v, w in zip(row, widths, strict=True)).rstrip()
        for row in (names, *rows)
    ]


def _cut(value: str) -> str:
    value = " ".join(value.split())
    return value if len(value) <= _WIDEST else value[: _WIDEST - 1] + "…"

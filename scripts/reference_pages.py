"""Write the generated pages of docs/reference (command line, tables, features) and SQL scripts.

`python scripts/reference_pages.py`, after a change of an option, a table or a feature; a test holds
the pages to the code.
"""

import contextlib
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from custseg_spark.core.features import dictionary
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.ddl import ddl_type
from custseg_spark.engine.lake.schemas import CUSTOMER_FEATURES, TABLES
from custseg_spark.interfaces.cli.main import COMMANDS
from custseg_spark.interfaces.cli.main import command as command_module
from custseg_spark.outputs.exports import reporting_schema

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
WRITTEN_BY = "Written by `python scripts/reference_pages.py`; a test holds it to the code."
# argparse breaks lines at the terminal's width.
HELP_COLUMNS = "100"

ONE_ROW = {
    "events": "An accepted event, in one schema whatever the source.",
    "rejected_events": "A refused record as it stood, with each reason: code, field, value and"
    " what was expected ([the codes](codes.md#why-a-record-is-refused)).",
    "ingest_files": "A file that was read: `physical_records` = `header` + `blank` + `accepted` +"
    " `rejected` + `ignored` + `duplicates`.",
    "sessions": "A customer's session on one UTC day; a session over midnight has two rows.",
    "customers": "A customer with attributes, the latest ones.",
    "customer_features": "A customer on a run date.",
    "customer_segments": "A customer on a run date, by one algorithm: the segment, the distance to"
    " its centre, the next nearest segment, the margin between the two, and the three features that"
    " decided. `segment_since` is the run date since which the customer has been in the segment in"
    " every run, `previous_segment_id` the segment before that (null: the customer was new then)."
    " `is_outlier`: the customer is too far from the centre for any segment"
    " (`segment_profiles.outlier_distance`), by the `oddities`, in scaled units.",
    "segment_profiles": "A segment on a run date, by one algorithm: name with score, runner-up and"
    " evidence, actions, status (continued, born, split, merged, died), size, revenue, and each"
    " feature's mean, median and z-score; its rule in words and as a condition over"
    " `customer_features` (Spark's SQL).",
    "segment_migrations": "Two segments, of the previous run date and of this one: the customers"
    " who moved. Null stands for customers who joined or are gone.",
    "feature_drift": "A feature (or the shares of an algorithm's segments) on a run date: the"
    " population stability index (PSI) since the previous run date.",
    "model_selection": "A candidate k of an algorithm on a run date: indices, stability, and why it"
    " was chosen or not; of a chosen one what its rules cost: leaves, cost ratio and fidelity.",
    "clv_models": "A run date: parameters of BG/NBD and Gamma-Gamma, calibration on the hold-out"
    " period, Gini coefficient.",
    "segment_points": "A sampled customer on a run date, by one algorithm: its place in the plane"
    " of the first two principal components.",
    "current_segments": "A customer as of now: the segment by the latest run's model and, because"
    " nobody changes for a hair's breadth, by the segment before; since which day, and which one it"
    " was. Written by [custseg stream](../guides/streaming.md).",
    "segment_products": "A place on the list of products that a segment's customers buy more often"
    " than everybody, on a run date and by one algorithm: owners, their share, its lift with the"
    " ends of the interval, and what the same customers buy together with it.",
    "segment_categories": "The same of categories and brands (`kind`).",
    "segment_seasons": "A month, ISO week or weekday of a segment (null: everybody) on a run date,"
    " by one algorithm: its purchases and revenue a day over those of its year (of all weeks),"
    " averaged over `years`.",
    "event_summary": "A count of the events before a run date as they came in: by day, hour and"
    " type, price, category, missing values of a column; of the customers by their events.",
    "runs": "A run: configuration, versions, models, row counts, seconds by stage. Written last: a"
    " run date without this row is incomplete.",
}


def command_line() -> str:
    """Write the help of every command as Markdown."""
    parts = [f"# Command line\n\n{WRITTEN_BY}\n", _COMMAND_LINE]
    for name in COMMANDS:
        parts.append(f"## custseg {name}\n\n```\n{_help(name)}```\n")
    return "\n".join(parts)


_COMMAND_LINE = """\
`custseg NAME` and `spark-submit jobs/NAME.py` are the same program with the same options; those
without a file in `jobs` are commands only. [The exit codes](codes.md#exit-codes) are the same for
all.
"""


def _help(command: str) -> str:
    module = command_module(command)
    text = io.StringIO()
    program = mock.patch.object(sys, "argv", [f"custseg {command}"])
    width = mock.patch.dict(os.environ, {"COLUMNS": HELP_COLUMNS})
    with program, width, contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        module.run(["--help"])
    return text.getvalue().rstrip() + "\n"


def tables() -> str:
    """Write what a row of each table is, and its columns, as Markdown."""
    return "\n".join([f"# Tables\n\n{WRITTEN_BY}\n", _TABLES, *map(_table, TABLES)])


_TABLES = """\
Delta tables in the lake, each in its folder. Every column may be null. Times are in UTC, money is
in the source's currency. No table needs a feature newer than Delta 1 (reader 1, writer 2).
"""


def _table(table: Table) -> str:
    partition = f" Partitioned by `{table.date_column}`." if table.date_column else ""
    head = f"## {table.name}\n\n{ONE_ROW[table.name]}{partition}\n"
    if table is CUSTOMER_FEATURES:
        return f"{head}\n[Every column](data_dictionary.md).\n"
    rows = [f"| `{field.name}` | `{ddl_type(field.type)}` |" for field in table.schema]
    return "\n".join([head, "| column | type |", "|---|---|", *rows]) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "command_line.md": command_line,
    "data_dictionary.md": dictionary.markdown,
    "tables.md": tables,
}

# By their paths in the checkout.
SCRIPTS: dict[str, Callable[[], str]] = {
    "conf/deploy/sql/reporting_schema.sql": reporting_schema.text,
}

if __name__ == "__main__":
    for script, text in SCRIPTS.items():
        (ROOT / script).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / script).write_text(text(), encoding="utf-8")
    for page, written in PAGES.items():
        (REFERENCE / page).write_text(written(), encoding="utf-8")

"""The reporting tables as a SQL script, for creating a database's tables by hand."""

from custseg_spark.outputs.exports import views
from custseg_spark.outputs.exports.dialects import POSTGRESQL
from custseg_spark.outputs.exports.frames import REPORTS
from custseg_spark.outputs.exports.frames.changes import SEGMENT_CHANGES
from custseg_spark.outputs.exports.frames.effects import CAMPAIGN_LIFT
from custseg_spark.outputs.exports.layout import ReportTable

_HEAD = """\
-- The tables and views of an export to PostgreSQL, as `custseg export` makes them the first time.
-- Written by `python scripts/reference_pages.py`; a test holds it to the code.
--
--   psql --dbname=reports --file=conf/deploy/sql/reporting_schema.sql
--
-- It may run again: what is there stays. A loader then needs SELECT, INSERT and DELETE alone.
"""


def reported_tables() -> list[ReportTable]:
    """Return the tables that exports and `custseg lift` may write, in a fixed order."""
    return [*(report.table for report in REPORTS.values()), SEGMENT_CHANGES, CAMPAIGN_LIFT]


def text() -> str:
    """Return the script."""
    parts = [_HEAD]
    for table in reported_tables():
        statements = [POSTGRESQL.create_table(table, if_missing=True)]
        statements += POSTGRESQL.create_indexes(table, if_missing=True)
        view = views.statement(table, POSTGRESQL, "CREATE OR REPLACE VIEW ")
        statements += [view] if view else []
        parts.append("\n".join(statement + ";" for statement in statements) + "\n")
    return "\n".join(parts)

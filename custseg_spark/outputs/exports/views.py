"""Views of reporting tables in another common shape: `mobile` is the key, `segment` an integer.

They rename columns only, so that a dashboard over `mobile` and numbered segments reads an export.
"""

from custseg_spark.outputs.exports.dialects import Dialect
from custseg_spark.outputs.exports.layout import ReportTable

SUFFIX = "_by_mobile"
_NAMES = {"customer_id": "mobile", "segment_id": "segment", "segment": "segment_name"}


def renamed(table: ReportTable) -> dict[str, str]:
    """Return the view's columns with the table's own names; empty for a table without customers."""
    if "customer_id" not in table.columns:
        return {}
    return {_NAMES.get(name, name): name for name in table.columns}


def statement(table: ReportTable, dialect: Dialect, create: str, schema: str = "") -> str | None:
    """Return the statement of a table's view, beginning with `create`; None without a view.

    `schema` is a quoted name with its dot, for the view; SQLite then finds the table in the same
    schema.
    """
    columns = renamed(table)
    if not columns:
        return None
    listed = [
        dialect.name(table_column) + " AS " + dialect.name(view_column)
        for view_column, table_column in columns.items()
    ]
    view = schema + dialect.name(table.name + SUFFIX)
    return create + view + " AS SELECT " + ", ".join(listed) + " FROM " + dialect.name(table.name)

"""DuckDB and scikit-learn: python -m bench.peer_duckdb LOG OUT, features and segments to OUT."""

import os
import sys
from pathlib import Path

import duckdb
import pyarrow as pa

from bench import clustering
from bench.shop import LOG_TYPES, PROSPECTS, RFM_GROUPS, TIME_FORMAT

_TYPES = {"timestamp[s]": "TIMESTAMP", "string": "VARCHAR", "int64": "BIGINT", "double": "DOUBLE"}
_QUERIES = Path(__file__).with_name("features.sql")

# The options of read_csv are bound; hashes make what is grouped by small.
_READ = """
CREATE TEMP TABLE events AS
SELECT
    *,
    (second // 86400)::INTEGER AS day,
    (second % 86400 // 3600)::TINYINT AS hour,
    CASE WHEN category_id IS NOT NULL AND cents > 0 THEN ln(cents / 100) END AS log_price
FROM (
    SELECT
        user_id, hash(user_session) AS session, epoch(event_time)::BIGINT AS second, event_type,
        product_id, category_id, brand, round(price * 100)::BIGINT AS cents,
        hash(event_time, event_type, product_id, category_id, category_code, brand, price,
            user_id, user_session) AS record
    FROM read_csv($log, header = true, auto_detect = false, delim = ',', quote = '',
        escape = '', columns = $columns, timestampformat = $format)
)
"""
_WRITE = """
COPY (FROM features JOIN labels USING (customer_id)) TO $path (FORMAT parquet)
"""


def connect(scratch: Path) -> duckdb.DuckDBPyConnection:
    """A database in memory that spills to `scratch`; rows may change their order, which is faster.

    As many threads as the measuring allows.
    """
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": int(os.environ.get("OMP_NUM_THREADS", "2")),
        "preserve_insertion_order": False,
        "temp_directory": str(scratch),
    }
    return duckdb.connect(config=settings)


def make_features(connection: duckdb.DuckDBPyConnection, log: Path) -> None:
    """The table `features`, one row a customer, as of the day after the last event."""
    columns = {name: _TYPES[type_] for name, type_ in LOG_TYPES.items()}
    connection.execute(_READ, {"log": str(log), "columns": columns, "format": TIME_FORMAT})
    connection.execute("SET VARIABLE rfm_groups = $1", [list(RFM_GROUPS)])
    connection.execute("SET VARIABLE prospects = $1", [PROSPECTS])
    connection.execute(_QUERIES.read_text(encoding="utf-8"))


def main(log: Path, out: Path) -> None:
    connection = connect(out / "scratch")
    make_features(connection, log)
    names = ("customer_id", clustering.EVIDENCE, *clustering.MODEL)
    table = connection.table("features").select(*names).to_arrow_table()
    ids = table["customer_id"]
    columns = {n: table[n].cast(pa.float64()).to_numpy() for n in names[1:]}
    k, labels = clustering.segment(columns)
    connection.register("labels", pa.table({"customer_id": ids, "label": labels}))
    connection.execute(_WRITE, {"path": str(out / "segments.parquet")})
    k.save(out / "model.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

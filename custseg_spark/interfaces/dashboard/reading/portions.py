"""A run's customers in portions, so that memory is bounded for any number of customers."""

from datetime import date

from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS

# A few ids and numbers per customer: about 100 MB.
_MOST_ROWS = 1_000_000


def ranges(lake: LakeReader, run_date: date) -> list[tuple[int, int]]:
    """Return ranges of customers' buckets, to be read one after another."""
    rows = sum(file.rows for file in lake.files(CUSTOMER_SEGMENTS, [run_date]))
    return lake.bucket_ranges(1 + rows // _MOST_ROWS)

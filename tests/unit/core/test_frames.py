"""What a filtered frame holds in memory."""

import polars as pl
import pyarrow as pa

from custseg_spark.core.frames import compact


def text_bytes(frame: pl.DataFrame) -> int:
    """The bytes of texts that a frame's columns hold, as Arrow has them."""
    column: pa.ChunkedArray = frame.to_arrow(compat_level=pl.CompatLevel.newest())["id"]
    return sum(b.size for chunk in column.chunks for b in chunk.buffers()[2:] if b is not None)


def test_a_compact_frame_holds_the_texts_of_its_rows_alone() -> None:
    ids = pl.DataFrame({"id": [f"{n:032}" for n in range(10_000)]})
    few = ids.filter(pl.int_range(pl.len()) % 100 == 0)
    # Polars keeps all: the reason for the function.
    assert text_bytes(few) >= 32 * 10_000
    assert text_bytes(compact(few)) <= 32 * 100 + 64
    assert compact(few).equals(few)


def test_categories_and_nulls_stay() -> None:
    frame = pl.DataFrame({"id": ["a", None, "b"], "file": ["x", "x", "y"]}).with_columns(
        pl.col("file").cast(pl.Categorical)
    )
    kept = compact(frame.filter(pl.col("id").is_null() | (pl.col("id") == "b")))
    assert kept["id"].to_list() == [None, "b"]
    assert kept["file"].cast(pl.String).to_list() == ["x", "y"]

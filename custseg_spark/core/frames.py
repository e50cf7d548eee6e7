"""Frames whose memory is that of their rows."""

import polars as pl


def compact(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame without the texts of filtered rows, which Polars would keep.

    A filtered column of texts shares the buffers of the whole one: a frame that holds few rows of
    many others holds all their texts.

    >>> import polars as pl
    >>> compact(pl.DataFrame({"id": ["a", "b"]}).filter(pl.col("id") == "b"))["id"].to_list()
    ['b']
    """
    return pl.DataFrame(pl.from_arrow(frame.to_arrow(compat_level=pl.CompatLevel.oldest())))

"""A run's result: its segments, customers, model, pictures, report, and reasons."""

import json
import operator
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from custseg_spark.engine.lake.rows import dicts_of
from custseg_spark.engine.lake.schemas import CUSTOMER_FEATURES, CUSTOMER_SEGMENTS, RUNS
from custseg_spark.errors import InputError, nearest
from custseg_spark.interfaces.python.configuring import AnyPath
from custseg_spark.interfaces.python.models import Model
from custseg_spark.interfaces.python.plots import Plots
from custseg_spark.interfaces.python.tables import LakeTables
from custseg_spark.outputs import explanations
from custseg_spark.outputs.explanations import Explanation, OneRun
from custseg_spark.outputs.report import HTML, beside, reading, words, write_here
from custseg_spark.outputs.report.content import Content
from custseg_spark.paths import Remote, place

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

    from custseg_spark.pipeline.ingest import IngestSummary

_PROFILES: dict[str, Any] = {
    "segment_id": pl.Int32,
    "segment_name": pl.String,
    "customers": pl.Int64,
    "customer_share": pl.Float64,
    "revenue": pl.Decimal(38, 4),
    "revenue_share": pl.Float64,
    "marks": pl.List(pl.String),
    "actions": pl.List(pl.String),
    "status": pl.String,
}


class Segmentation:
    """The results of a run, read from the lake's tables.

    `segment` returns it, and `Lake.run` for an earlier run. Of several algorithms it shows the main
    one; `with_algorithm` shows another. `ingested` are the counts of the ingest by `segment`, if
    there was one.
    """

    def __init__(
        self,
        lake: LakeTables,
        run_date: date,
        algorithm: str | None = None,
        ingested: "IngestSummary | None" = None,
    ):
        # The run may be made again meanwhile.
        self.lake, self.run_date, self.ingested = lake.at_one_moment(), run_date, ingested
        if algorithm is not None and algorithm not in self.algorithms:
            raise InputError(
                f"the run of {run_date} has no algorithm '{algorithm}'"
                f"{nearest(algorithm, self.algorithms)}"
            )
        self.algorithm = algorithm or self.algorithms[0]

    def with_algorithm(self, algorithm: str) -> "Segmentation":
        """Return the same run, seen through another of its algorithms."""
        return Segmentation(self.lake, self.run_date, algorithm, self.ingested)

    @cached_property
    def run(self) -> dict[str, Any]:
        """The run's row in `runs`: its configuration, models, versions, counts and seconds."""
        rows = dicts_of(self.lake.reader.rows(RUNS, dates=[self.run_date]))
        if not rows:
            raise InputError(f"there is no run of {self.run_date} in {self.lake.path}")
        return rows[0]

    @property
    def algorithms(self) -> list[str]:
        """The run's algorithms, the main one first."""
        configured = json.loads(self.run["config"] or "{}").get("model", {}).get("algorithms", [])
        models = dict(self.run["models"] or {})
        return [a for a in configured if a in models or not models] or sorted(models)

    @property
    def warnings(self) -> list[str]:
        """The run's warnings, for a person to read."""
        return list(self.run["warnings"] or [])

    @cached_property
    def segments(self) -> pl.DataFrame:
        """A row per segment, by id, as in `segment_profiles`.

        Columns: name, customers and their share, revenue and its share (null without revenue),
        evidence (features with their distance from the mean of all customers in standard
        deviations), suggested actions, and the status since the run before.
        """
        rows = [
            {
                **{name: getattr(s, name, None) for name in _PROFILES},
                "marks": [f"{words.feature(f)} {words.signed(z)}" for f, z in s.evidence],
                "actions": list(s.actions),
            }
            for s in self._content.segments_of(self.algorithm)
        ]
        profiles = pl.DataFrame(rows, schema=_PROFILES, orient="row")
        return profiles.sort("segment_id")

    @property
    def customers(self) -> "Customers":
        """The run's customers.

        `customers()` is a Spark frame; `customers.to_polars()` and `customers.to_pandas()` are in
        memory.
        """
        return Customers(self)

    @cached_property
    def model(self) -> Model:
        """The published model of the segments. Raises InputError if it is incomplete."""
        return Model(self.lake.reader.model(self.run_date, self.algorithm))

    def explain(self, customer_id: str | int) -> Explanation:
        """Explain a customer's segment; ids are texts, and a whole number stands for its digits.

        Raises InputError for a customer who isn't in the run, and for a value that is no id.
        """
        if not isinstance(customer_id, str):
            try:
                customer_id = str(operator.index(customer_id))
            except TypeError:
                raise InputError(f"customer_id {customer_id!r}: expected an id as text") from None
        features = list(self.run["features"] or [])
        lake = self.lake
        run = OneRun(lake.reader, lake.path, self.run_date, self.algorithm, features)
        return explanations.explain(run, customer_id)

    @property
    def plot(self) -> Plots:
        """The report's pictures, each a matplotlib Figure: `plot.profiles()`."""
        return Plots(self._content)

    def report(self, folder: AnyPath | None = None) -> Path:
        """Write the report into `folder`/<run date>; return its page.

        Without `folder` it goes to `reports` beside the lake. For a lake elsewhere, name a folder
        of this machine.
        """
        target = place(str(folder)) if folder is not None else beside(self.lake.config)
        if isinstance(target, Remote):
            raise InputError(f"{target} isn't on this machine; give report() a folder")
        umask = self.lake.config.umask
        written = write_here(self._content, target / self.run_date.isoformat(), umask)
        return next(path for path in written if path.name == HTML)

    @cached_property
    def _content(self) -> Content:
        reader = self.lake.reader
        return reading.content(reader, self.run_date, reader.map_files, self.algorithm)

    def __repr__(self) -> str:
        segments = self.segments
        return (
            f"<Segmentation of {self.run_date} by {self.algorithm}: {segments['customers'].sum():,}"
            f" customers in {len(segments)} segments>"
        )

    def __str__(self) -> str:
        """Return a line per segment, of any width, for `print`."""
        head = f"{'id':>4}  {'segment':<26}{'customers':>12}{'share':>9}{'revenue':>12}{'share':>9}"
        lines = [
            f"{row['segment_id']:>4}  {row['segment_name']:<26}{row['customers']:>12,}"
            f"{words.percent(row['customer_share']):>9}{words.number(row['revenue']):>12}"
            f"{words.percent(row['revenue_share']):>9}  {', '.join(row['marks'][:3])}"
            for row in self.segments.iter_rows(named=True)
        ]
        return "\n".join([repr(self), f"{head}  marks", *lines])

    def _repr_html_(self) -> str:
        """Return the HTML that a notebook shows."""
        return self.segments._repr_html_()


class Customers:
    """A run's customers with their segments: rows of `customer_segments` of one algorithm."""

    def __init__(self, of: Segmentation):
        self._of = of

    def __call__(self, *, features: bool = False) -> "DataFrame":
        """Return a lazy Spark frame; `features` adds the columns of `customer_features`."""
        from custseg_spark.interfaces.python.spark_frames import customers

        of = self._of
        return customers(of.lake, of.run_date, of.algorithm, features=features)

    def to_polars(self, *, features: bool = False) -> pl.DataFrame:
        """Return all customers in memory; no JVM starts for a lake in a folder."""
        of = self._of
        rows = of.lake.table(CUSTOMER_SEGMENTS.name, run_date=of.run_date)
        customers = rows.filter(pl.col("algorithm") == of.algorithm)
        if features:
            beside = of.lake.table(CUSTOMER_FEATURES.name, run_date=of.run_date)
            others = [c for c in beside.columns if c == "customer_id" or c not in customers.columns]
            customers = customers.join(beside.select(others), on="customer_id", how="left")
        return customers.sort("customer_id")

    def to_pandas(self, *, features: bool = False) -> "pd.DataFrame":
        """Return all customers as a pandas frame."""
        return self.to_polars(features=features).to_pandas()

"""Published models in memory: an object like scikit-learn's, and `score` for any frame."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from custseg_spark.core.clustering import portable
from custseg_spark.core.clustering.models import GaussianMixture
from custseg_spark.core.clustering.scoring import ScoringModel
from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.interfaces.python import frames
from custseg_spark.interfaces.python.configuring import AnyPath

F = TypeVar("F")

CUSTOMER = "customer_id"


@dataclass(frozen=True)
class Model:
    """A published model, which turns customers' features into clusters and segments without Spark.

    `transform` and `predict` are scikit-learn's; they take frames of pandas, Polars or Arrow with
    the columns `feature_names_in_` among others, or an array of exactly these columns (n x d, NaN
    for a missing value). Equal rows get the labels that the batch gave them.
    """

    scoring: ScoringModel

    @property
    def algorithm(self) -> str:
        """The algorithm's name, as in `customer_segments`."""
        return self.scoring.clustering.algorithm

    @property
    def fitted_on(self) -> date:
        """The run date of the fit."""
        return self.scoring.fitted_on

    @property
    def segments(self) -> Mapping[int, str]:
        """The segments' names by id."""
        return self.scoring.segments

    @property
    def feature_names_in_(self) -> np.ndarray:
        """The columns that the model reads, in the order of an array's."""
        return np.array(self.scoring.columns, dtype=object)

    @property
    def n_features_in_(self) -> int:
        """The number of columns that the model reads."""
        return len(self.scoring.columns)

    @property
    def cluster_centers_(self) -> np.ndarray:
        """The centres, k x dimensions, in the space that `transform` maps to."""
        return self.scoring.clustering.model.centres

    def transform(self, customers: Any) -> np.ndarray:
        """Return customers as points of the clustered space, n x d: transformed, clipped,
        scaled."""
        return np.ascontiguousarray(self.scoring.points(self._table(customers)))

    def predict(self, customers: Any) -> np.ndarray:
        """Return each customer's cluster, from 0: the column `cluster` of `customer_segments`."""
        return self.scoring.labels(self._table(customers))

    def score(self, customers: F) -> F:
        """Return the segment of each customer, as `score` does."""
        return score(customers, model=self)

    def to_json(self) -> str:
        """Return the model's portable form."""
        return portable.document(self.scoring).text

    def save(self, path: AnyPath) -> None:
        """Write the model's portable form to a file, which `load_model` reads."""
        Path(path).write_text(self.to_json(), encoding="utf-8")

    def __repr__(self) -> str:
        names = ", ".join(self.segments.values())
        return (
            f"<Model {self.algorithm} of {self.fitted_on}, {len(self.segments)} segments: {names}>"
        )

    def table(self, frame: Any) -> pa.Table:
        """Return the columns of a frame that the model reads. Raises InputError for a wrong one."""
        return frames.numbers(frames.to_arrow(frame), self.scoring.columns)

    def _table(self, customers: Any) -> pa.Table:
        if isinstance(customers, np.ndarray):
            return self._of_array(customers)
        return self.table(customers)

    def _of_array(self, values: np.ndarray) -> pa.Table:
        names = self.scoring.columns
        if values.ndim != 2 or values.shape[1] != len(names):
            raise InputError(
                f"expected an array of customers x {len(names)} features ({', '.join(names)}),"
                f" got shape {values.shape}"
            )
        columns = zip(names, np.asarray(values, dtype=np.float64).T, strict=True)
        return self.table(pa.table({name: pa.array(column) for name, column in columns}))


def load_model(path: AnyPath) -> Model:
    """Load a model from its portable form: from a file, or from a model's folder in a lake.

    Raises InputError for a file that is missing, isn't a model, or was changed.
    """
    file = Path(path)
    file = file / portable.FILE_NAME if file.is_dir() else file
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} can't be read as a model: {error}") from error
    return Model(portable.parsed(text, str(file)))


def score(customers: F, *, model: Any) -> F:
    """Score each customer of a frame by a published model, without Spark.

    `customers` has the model's features as columns (`model.feature_names_in_`, those of
    `customer_features`), `model` is a Model, the result of `segment`, or a path for `load_model`.
    The result is a frame of the same library, with a row per customer in the same order:
    customer_id (if there is such a column), cluster, segment_id, segment_name, distance,
    second_segment_id, margin, top_features, and memberships, is_outlier, oddities and p_stay as far
    as the model has them. Spark scores a Spark frame. Raises InputError for a missing column, and
    for a value that is no number, with its row and column.

    >>> import custseg_spark as cs, polars as pl
    >>> model = cs.load_model("tests/data/scoring.json")
    >>> customers = pl.DataFrame({"customer_id": ["a", "b"], "monetary": [900.0, None],
    ...                           "frequency": [12, 0], "event_count": [40, 3]})
    >>> cs.score(customers, model=model)["segment_name"].to_list()
    ['High-Value', 'Window Shoppers']
    >>> model.predict(customers).tolist()
    [0, 1]
    """
    used = _model(model)
    if frames.library(customers) == "pyspark":
        scored: F = _scored_by_spark(customers, used)
        return scored
    table = frames.to_arrow(customers)
    scored = frames.like(customers, _segments(table, used))
    return scored


def _model(model: Any) -> Model:
    if isinstance(model, Model):
        return model
    if isinstance(model, str | os.PathLike):
        return load_model(model)
    if isinstance(getattr(model, "model", None), Model):
        of_result: Model = model.model
        return of_result
    raise ConfigurationError(f"model: expected a Model, a result or a path, got {model!r}")


def _segments(customers: pa.Table, model: Model) -> pa.Table:
    segments = model.scoring.segments_of(frames.numbers(customers, model.scoring.columns))
    segments = segments.drop_columns(_unknown(model))
    if CUSTOMER not in customers.column_names:
        return segments
    return segments.add_column(0, CUSTOMER, customers[CUSTOMER])


def _unknown(model: Model) -> list[str]:
    """Return the columns that are null for all customers, because the model lacks them."""
    clustering = model.scoring.clustering
    known_columns = {
        "memberships": isinstance(clustering.model, GaussianMixture),
        "is_outlier": bool(clustering.outlier_distances),
        "oddities": bool(clustering.outlier_distances),
        "p_stay": bool(clustering.stay_curves),
    }
    return [name for name, is_known in known_columns.items() if not is_known]


@dataclass(frozen=True)
class _Scoring:
    """Scores in a task, to which the model is sent as its document."""

    document: str

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
        model = Model(portable.parsed(self.document, "the model"))
        for batch in batches:
            yield _segments(pa.Table.from_batches([batch]), model)


def _scored_by_spark(customers: Any, model: Model) -> Any:
    """Return a lazy Spark frame with the segments."""
    from custseg_spark.interfaces.python.spark_frames import map_customers

    columns = model.scoring.columns
    nobody = pa.table({name: pa.array([0.0]) for name in columns})
    schema = _segments(nobody, model).schema
    ids = [CUSTOMER] if CUSTOMER in customers.columns else []
    return map_customers(customers, ids, columns, _Scoring(model.to_json()), schema)

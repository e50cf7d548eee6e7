"""Published models in memory: an object as scikit-learn's are, and `score` over any frame."""

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
    """A published model: features of customers in, clusters and segments out. Needs no Spark.

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
        """How many columns the model reads."""
        return len(self.scoring.columns)

    @property
    def cluster_centers_(self) -> np.ndarray:
        """The centres, k x dimensions, in the space that `transform` maps to."""
        return self.scoring.clustering.model.centres

    def transform(self, customers: Any) -> np.ndarray:
        """Customers as points of the clustered space: transformed, fenced, scaled. n x d."""
        return np.ascontiguousarray(self.scoring.points(self._table(customers)))

    def predict(self, customers: Any) -> np.ndarray:
        """The cluster of each customer, from 0: the column `cluster` of `customer_segments`."""
        return self.scoring.labels(self._table(customers))

    def score(self, customers: F) -> F:
        """The segment of each customer, as `score` does."""
        return score(customers, model=self)

    def to_json(self) -> str:
        """The model's portable form."""
        return portable.document(self.scoring).text

    def save(self, path: AnyPath) -> None:
        """Writes the model's portable form to a file, from which `load_model` reads it."""
        Path(path).write_text(self.to_json(), encoding="utf-8")

    def __repr__(self) -> str:
        names = ", ".join(self.segments.values())
        return (
            f"<Model {self.algorithm} of {self.fitted_on}, {len(self.segments)} segments: {names}>"
        )

    def table(self, frame: Any) -> pa.Table:
        """The columns of a frame that the model reads. Raises InputError for a wrong one."""
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
    """A model's portable form: of a file, or of a model's folder in a lake.

    Raises InputError for a file that isn't there, isn't a model, or was changed.
    """
    file = Path(path)
    file = file / portable.FILE_NAME if file.is_dir() else file
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} can't be read as a model: {error}") from error
    return Model(portable.parsed(text, str(file)))


def score(customers: F, *, model: Any) -> F:
    """The segment of each customer of a frame, by a published model; without Spark.

    `customers` has the model's features as columns (`model.feature_names_in_`, those of
    `customer_features`), `model` is a Model, the result of `segment`, or a path for `load_model`.
    The answer is a frame of the same library, a row a customer in the same order: customer_id (if
    there is such a column), cluster, segment_id, segment_name, distance, second_segment_id, margin,
    top_features, and what the model knows of memberships, is_outlier, oddities, p_stay. A frame of
    Spark's is scored by Spark.

    Raises InputError for a missing column, and for a value that is no number: which row and column.

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
        made: F = _scored_by_spark(customers, used)
        return made
    table = frames.to_arrow(customers)
    made = frames.like(customers, _segments(table, used))
    return made


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
    made = model.scoring.segments_of(frames.numbers(customers, model.scoring.columns))
    made = made.drop_columns(_unknown(model))
    if CUSTOMER not in customers.column_names:
        return made
    return made.add_column(0, CUSTOMER, customers[CUSTOMER])


def _unknown(model: Model) -> list[str]:
    """The columns that a model has nothing for: whatever the customers, it gives null."""
    clustering = model.scoring.clustering
    known = {
        "memberships": isinstance(clustering.model, GaussianMixture),
        "is_outlier": bool(clustering.outlier_distances),
        "oddities": bool(clustering.outlier_distances),
        "p_stay": bool(clustering.stay_curves),
    }
    return [name for name, is_known in known.items() if not is_known]


@dataclass(frozen=True)
class _Scoring:
    """What a task needs to score: the model travels as its document."""

    document: str

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
        model = Model(portable.parsed(self.document, "the model"))
        for batch in batches:
            yield _segments(pa.Table.from_batches([batch]), model)


def _scored_by_spark(customers: Any, model: Model) -> Any:
    """A frame of Spark's with the segments, made when it is used."""
    from custseg_spark.interfaces.python.spark_frames import map_customers

    columns = model.scoring.columns
    nobody = pa.table({name: pa.array([0.0]) for name in columns})
    made = _segments(nobody, model).schema
    ids = [CUSTOMER] if CUSTOMER in customers.columns else []
    return map_customers(customers, ids, columns, _Scoring(model.to_json()), made)

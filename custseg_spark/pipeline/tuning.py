"""What `custseg tune` compares: the customers of a run in a folder's lake, read without Spark."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import product

import pyarrow as pa

from custseg_spark.config.model import ModelConfig
from custseg_spark.config.settings import Config
from custseg_spark.core.clustering import preparation, tuning
from custseg_spark.core.clustering.buckets import Kernel, numbers
from custseg_spark.core.clustering.preparation import EVIDENCE
from custseg_spark.core.clustering.tuning import Bars, Space, Tried
from custseg_spark.core.features import registry
from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import CUSTOMER_FEATURES
from custseg_spark.errors import InputError
from custseg_spark.pipeline.clustering.sample import draw
from custseg_spark.pipeline.clustering.settings import fit_settings, preparation_rules


@dataclass(frozen=True)
class Asked:
    """What to compare: every combination of these, on about `customers` informed customers.

    `feature_sets` by name; an empty set stands for the default features.
    """

    feature_sets: Mapping[str, Sequence[str]]
    transforms: Sequence[str]
    clips: Sequence[str]
    scalings: Sequence[str]
    ks: Sequence[int]
    customers: int
    bootstraps: int


@dataclass(frozen=True)
class Sampled:
    """The sample that all candidates share: how many customers it has, of how many informed."""

    rows: pa.Table
    informed: int
    total: int


@dataclass(frozen=True)
class ReaderBuckets:
    """A run's customers by the files of their features, as `Buckets`."""

    reader: LakeReader
    day: date

    def map(self, kernel: Kernel, columns: Sequence[str]) -> list[pa.Table]:
        """Run `kernel` on the named columns of each file."""
        return self.reader.map_files(CUSTOMER_FEATURES, self.day, kernel, columns)


def sampled(reader: LakeReader, day: date, asked: Asked, config: Config) -> Sampled:
    """The sample of a run's informed customers, with the features of all sets.

    Raises InputError where the run has no customers.
    """
    names = sorted({f.name for space in spaces(asked, config) for f in space.features})
    bar = config.model.preparation
    buckets = ReaderBuckets(reader, day)
    if not buckets.map(lambda rows: rows, [EVIDENCE]):
        raise InputError(f"the run of {day} has no customers")
    sample = draw(
        buckets,
        names,
        min_events=bar.min_events,
        informed_share=bar.informed_share,
        informed_customers=bar.informed_customers,
        size=asked.customers,
    )
    return Sampled(sample.informed(asked.customers), sample.bar.customers, sample.total)


def candidates(
    sample: Sampled, asked: Asked, config: Config, seconds: Callable[[], float]
) -> Iterator[Tried]:
    """Yield each combination once it is measured."""
    names = [name for name in sample.rows.column_names if name != "customer_id"]
    columns = {name: numbers(sample.rows[name]) for name in names}
    model = config.model
    bars = Bars(model.selection.min_cluster_share, model.stability.minimum, asked.bootstraps)
    return tuning.tried(
        columns, spaces(asked, config), asked.ks, bars, fit_settings(model), seconds
    )


def spaces(asked: Asked, config: Config) -> list[Space]:
    """Every combination of a feature set and a preparation. Raises ConfigurationError for an
    unknown feature."""
    known = registry.all_features(config.features.optional_families)
    combined = product(asked.feature_sets.items(), asked.transforms, asked.clips, asked.scalings)
    return [
        Space(
            name,
            tuple(preparation.choose_features(features, known)),
            preparation_rules(_prepared(config.model, transform, clip, scaling)),
        )
        for (name, features), transform, clip, scaling in combined
    ]


def _prepared(model: ModelConfig, transform: str, clip: str, scaling: str) -> ModelConfig:
    own = replace(model.preparation, transform=transform, clip=clip, scaling=scaling)
    return replace(model, preparation=own)

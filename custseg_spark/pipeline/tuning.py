"""Compare ways to cluster a run's customers for `custseg tune`, from a lake in a folder."""

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
class Combinations:
    """The values to combine in all ways, on about `customers` informed customers.

    `feature_sets` are by name; an empty set stands for the default features.
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
    """The sample that all candidates share, with the numbers of informed and of all customers."""

    rows: pa.Table
    informed: int
    total: int


@dataclass(frozen=True)
class ReaderBuckets:
    """A run's customers as `Buckets`, one for each file of features."""

    reader: LakeReader
    day: date

    def map(self, kernel: Kernel, columns: Sequence[str]) -> list[pa.Table]:
        """Run `kernel` on the named columns of each file."""
        return self.reader.map_files(CUSTOMER_FEATURES, self.day, kernel, columns)


def sampled(reader: LakeReader, day: date, combinations: Combinations, config: Config) -> Sampled:
    """Return a sample of a run's informed customers, with the features of all sets.

    Raises InputError if the run has no customers.
    """
    names = sorted({f.name for space in spaces(combinations, config) for f in space.features})
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
        size=combinations.customers,
    )
    return Sampled(sample.informed(combinations.customers), sample.bar.customers, sample.total)


def candidates(
    sample: Sampled, combinations: Combinations, config: Config, seconds: Callable[[], float]
) -> Iterator[Tried]:
    """Yield each combination once it is measured."""
    names = [name for name in sample.rows.column_names if name != "customer_id"]
    columns = {name: numbers(sample.rows[name]) for name in names}
    model = config.model
    bars = Bars(model.selection.min_cluster_share, model.stability.minimum, combinations.bootstraps)
    return tuning.tried(
        columns, spaces(combinations, config), combinations.ks, bars, fit_settings(model), seconds
    )


def spaces(combinations: Combinations, config: Config) -> list[Space]:
    """Return every combination of a feature set and a preparation.

    Raises ConfigurationError for an unknown feature.
    """
    registered = registry.all_features(config.features.optional_families)
    combined = product(
        combinations.feature_sets.items(),
        combinations.transforms,
        combinations.clips,
        combinations.scalings,
    )
    return [
        Space(
            name,
            tuple(preparation.choose_features(features, registered)),
            preparation_rules(_prepared(config.model, transform, clip, scaling)),
        )
        for (name, features), transform, clip, scaling in combined
    ]


def _prepared(model: ModelConfig, transform: str, clip: str, scaling: str) -> ModelConfig:
    settings = replace(model.preparation, transform=transform, clip=clip, scaling=scaling)
    return replace(model, preparation=settings)

"""The customers that all steps of a segmentation share."""

from dataclasses import dataclass
from datetime import date

from custseg_spark.config.settings import Config
from custseg_spark.core.features import registry
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.publication import RunPublication
from custseg_spark.engine.partitions import FramedPortions
from custseg_spark.pipeline.history import Past


@dataclass(frozen=True)
class Population:
    """The customers of a run date with their features, in `groups` ranges of buckets.

    `publication` takes the rows of the run.
    """

    lake: Lake
    config: Config
    run_date: date
    customers: FramedPortions
    groups: int
    past: Past
    publication: RunPublication

    @property
    def features(self) -> list[str]:
        """The names of the features that the run has."""
        optional = self.config.features.optional_families
        return [f.name for f in registry.all_features(optional)]

"""The sections `mlflow` and `lineage`: where else a run is told of."""

from dataclasses import dataclass

from custseg_spark.config.places import require_open
from custseg_spark.errors import require


@dataclass(frozen=True)
class MlflowConfig:
    """Whether a run is logged to MLflow, where, and the name that its main model is registered by.

    `tracking_uri` None: as MLflow's own variables say.
    """

    enabled: bool = False
    tracking_uri: str | None = None
    experiment: str = "custseg"
    register: str | None = None

    def __post_init__(self) -> None:
        require_open(self.tracking_uri, "mlflow.tracking_uri")


@dataclass(frozen=True)
class LineageConfig:
    """Where OpenLineage events go: a file of JSON lines, or an address by HTTP; none by default."""

    file: str | None = None
    url: str | None = None
    namespace: str = "custseg"

    def __post_init__(self) -> None:
        require_open(self.url, "lineage.url")
        require(not (self.file and self.url), "lineage.url", "nothing beside lineage.file", self)

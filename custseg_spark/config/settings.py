"""Configuration sections, frozen and typed; docs/reference/configuration.md explains each key."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from custseg_spark.config.insights import AffinityConfig, EventSummaryConfig, SeasonsConfig
from custseg_spark.config.model import ModelConfig
from custseg_spark.config.places import require_open
from custseg_spark.config.rfm import RfmConfig
from custseg_spark.config.segments import DriftConfig, IdentityConfig, NamingConfig
from custseg_spark.errors import require, require_word
from custseg_spark.paths import is_remote
from custseg_spark.redaction import redacted_tree

LAKE_IOS = ("auto", "native", "spark")


@dataclass(frozen=True)
class LakeConfig:
    """Where the tables are: `<path>/<table>`, or `<catalog>.<table>` when `catalog` is set.

    `io`: whether tasks write Parquet themselves (`native`), Spark does (`spark`), or the place
    decides (`auto`). `continue_from`: another lake, whose segments go on in this one. `umask`: the
    permissions that new files and folders lack, of the lake and of what is made of it.
    """

    path: str = "lake"
    catalog: str | None = None
    io: str = "auto"
    continue_from: str | None = None
    umask: str = "077"

    def __post_init__(self) -> None:
        require_word(self.io, LAKE_IOS, "lake.io")
        require_open(self.path, "lake.path")
        require_open(self.continue_from, "lake.continue_from")
        # Not the owner's own.
        is_umask = re.fullmatch("0?0[0-7]{2}", self.umask) is not None
        require(is_umask, "lake.umask", 'three octal digits such as "077" or "027"', self)


@dataclass(frozen=True)
class RunConfig:
    """The scope of one run. The trial limits apply after ingest and don't change the lake."""

    run_date: date | None = None
    sample_fraction: float = 1.0
    max_rows: int | None = None

    def __post_init__(self) -> None:
        require(0 < self.sample_fraction <= 1, "run.sample_fraction", "above 0, at most 1", self)
        require(self.max_rows is None or self.max_rows > 0, "run.max_rows", "above 0", self)


@dataclass(frozen=True)
class IngestConfig:
    """Limits of ingest; a mapping may set its own `max_rejected_share`."""

    max_rejected_share: float = 0.05
    split_bytes: int = 67_108_864
    events_per_file: int = 2_000_000
    staging: str | None = None

    def __post_init__(self) -> None:
        share = self.max_rejected_share
        require(0 <= share <= 1, "ingest.max_rejected_share", "from 0 to 1", self)
        require(self.split_bytes > 0, "ingest.split_bytes", "above 0", self)
        require(self.events_per_file > 0, "ingest.events_per_file", "above 0", self)
        # Python opens the copies, on the driver and on workers.
        require_open(self.staging, "ingest.staging")
        is_here = self.staging is None or not is_remote(self.staging)
        require(is_here, "ingest.staging", "a path of this machine", self)


@dataclass(frozen=True)
class GateConfig:
    """What jobs/gate.py asks of the days before a run date, and of the largest customer."""

    max_days_behind: int = 1
    min_day_share: float = 0.2
    max_customer_share: float = 0.25

    def __post_init__(self) -> None:
        share = self.max_customer_share
        require(0 < share <= 1, "gate.max_customer_share", "above 0, to 1", self)
        require(self.max_days_behind > 0, "gate.max_days_behind", "1 or more", self)
        require(0 <= self.min_day_share <= 1, "gate.min_day_share", "from 0 to 1", self)


@dataclass(frozen=True)
class MaintainConfig:
    """What jobs/maintain.py keeps: the runs of the latest `keep_runs` run dates (0: all) and what
    they stand on, older files for `vacuum_hours`; files below `small_file_mb` (0: none) are put
    together."""

    keep_runs: int = 0
    vacuum_hours: int = 168
    small_file_mb: int = 16

    def __post_init__(self) -> None:
        require(self.keep_runs >= 0, "maintain.keep_runs", "0 or more", self)
        # Readers and runs of a week are safe; Delta itself refuses less.
        require(self.vacuum_hours >= 168, "maintain.vacuum_hours", "168 or more", self)
        require(self.small_file_mb >= 0, "maintain.small_file_mb", "0 or more", self)


@dataclass(frozen=True)
class StreamConfig:
    """Micro-batches of jobs/stream.py: `interval_s` from one beginning to the next, at most
    `max_files` new files or about `max_records` messages each; `attempts` where another run is in
    the way."""

    interval_s: float = 10.0
    max_files: int = 100
    max_records: int = 200_000
    attempts: int = 6

    def __post_init__(self) -> None:
        for key in ("interval_s", "max_files", "max_records", "attempts"):
            require(getattr(self, key) > 0, f"stream.{key}", "above 0", self)


@dataclass(frozen=True)
class FeaturesConfig:
    """Feature families beyond the standing ones, such as `price_relative`."""

    optional_families: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClvConfig:
    """Customer lifetime value: BG/NBD and Gamma-Gamma over the buyers.

    `seasonal`: whether months may count for more or less, where the log bears it out.
    """

    enabled: bool = True
    seasonal: bool = True
    min_repeat_buyers: int = 50
    max_spend_buyers: int = 200_000
    monthly_discount_rate: float = 0.01

    def __post_init__(self) -> None:
        require(self.min_repeat_buyers > 0, "clv.min_repeat_buyers", "above 0", self)
        require(self.max_spend_buyers > 0, "clv.max_spend_buyers", "above 0", self)
        rate = self.monthly_discount_rate
        require(0 <= rate < 1, "clv.monthly_discount_rate", "from 0 to below 1", self)


@dataclass(frozen=True)
class ReportConfig:
    """Whether a run writes a report, and its folder; none: `reports` beside the lake's folder."""

    enabled: bool = True
    path: str | None = None

    def __post_init__(self) -> None:
        require_open(self.path, "report.path")


@dataclass(frozen=True)
class ExportsConfig:
    """The control share of an activation export, and how effects are measured and planned.

    `pre_period_days`: so many days before the run date adjust an effect for what customers did
    anyway.
    """

    control_share: float = 0.0
    confidence: float = 0.95
    power: float = 0.8
    pre_period_days: int = 90

    def __post_init__(self) -> None:
        require(0 <= self.control_share < 1, "exports.control_share", "from 0 to below 1", self)
        require(0 < self.confidence < 1, "exports.confidence", "between 0 and 1", self)
        require(0 < self.power < 1, "exports.power", "between 0 and 1", self)
        require(self.pre_period_days > 0, "exports.pre_period_days", "above 0", self)


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
    """Where OpenLineage events go: a file of JSON lines, or an address by HTTP; none by default.

    A command waits for them at its end, `timeout_s` seconds at most.
    """

    file: str | None = None
    url: str | None = None
    namespace: str = "custseg"
    timeout_s: float = 3.0

    def __post_init__(self) -> None:
        require_open(self.url, "lineage.url")
        require(self.timeout_s > 0, "lineage.timeout_s", "above 0", self)
        require(not (self.file and self.url), "lineage.url", "nothing beside lineage.file", self)


@dataclass(frozen=True)
class FetchConfig:
    """Limits of requests to a purchase API; see jobs/fetch.py."""

    url: str = ""
    batch_size: int = 500
    customers_per_file: int = 5_000
    parallel: int = 4
    requests_per_second: float = 50.0
    timeout_s: float = 30.0
    attempts: int = 6
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0
    max_quarantined_share: float = 0.01

    def __post_init__(self) -> None:
        for key in ("batch_size", "customers_per_file", "parallel", "attempts"):
            require(getattr(self, key) > 0, f"fetch.{key}", "above 0", self)
        for key in ("requests_per_second", "timeout_s", "first_wait_s", "longest_wait_s"):
            require(getattr(self, key) > 0, f"fetch.{key}", "above 0", self)
        share = self.max_quarantined_share
        require(0 <= share <= 1, "fetch.max_quarantined_share", "from 0 to 1", self)


@dataclass(frozen=True)
class Config:
    """The whole configuration. `sources` maps a mapping's name to its path and overrides."""

    lake: LakeConfig = field(default_factory=LakeConfig)
    run: RunConfig = field(default_factory=RunConfig)
    ingest: IngestConfig = field(default_factory=IngestConfig)
    gate: GateConfig = field(default_factory=GateConfig)
    maintain: MaintainConfig = field(default_factory=MaintainConfig)
    features: FeaturesConfig = field(default_factory=FeaturesConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    naming: NamingConfig = field(default_factory=NamingConfig)
    identity: IdentityConfig = field(default_factory=IdentityConfig)
    drift: DriftConfig = field(default_factory=DriftConfig)
    rfm: RfmConfig = field(default_factory=RfmConfig)
    clv: ClvConfig = field(default_factory=ClvConfig)
    affinity: AffinityConfig = field(default_factory=AffinityConfig)
    seasons: SeasonsConfig = field(default_factory=SeasonsConfig)
    event_summary: EventSummaryConfig = field(default_factory=EventSummaryConfig)
    report: ReportConfig = field(default_factory=ReportConfig)
    exports: ExportsConfig = field(default_factory=ExportsConfig)
    fetch: FetchConfig = field(default_factory=FetchConfig)
    mlflow: MlflowConfig = field(default_factory=MlflowConfig)
    lineage: LineageConfig = field(default_factory=LineageConfig)
    stream: StreamConfig = field(default_factory=StreamConfig)
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return the configuration as canonical JSON for the manifest, without secrets."""
        return json.dumps(redacted_tree(dataclasses.asdict(self)), sort_keys=True, default=str)

    def hash(self) -> str:
        """Return a short hash: equal configurations have equal hashes."""
        return hashlib.sha256(self.as_json().encode()).hexdigest()[:16]

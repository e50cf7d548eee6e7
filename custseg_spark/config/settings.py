"""Configuration: frozen and typed, from TOML and `section.key=value` overrides.

An unknown section or key, or a value of the wrong type, is an error that names the
file or option, what was expected and the nearest valid key.
"""

import atexit
import dataclasses
import hashlib
import json
import shutil
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin
from zipfile import ZipFile

from custseg_spark.errors import ConfigurationError, nearest
from custseg_spark.paths import is_database, is_remote, without_secrets

T = TypeVar("T")


CLIPS = ("percentile", "iqr", "none")
SCALINGS = ("standard", "robust")
TRANSFORMS = ("auto", "none")
MODEL_USES = ("auto", "fit", "frozen")
LAKE_IOS = ("auto", "native", "spark")
COMPARISONS = ("dbscan", "agglomerative")
_MODEL_WORDS = {"clip": CLIPS, "scaling": SCALINGS, "use": MODEL_USES, "transform": TRANSFORMS}


def _require(holds: bool, key: str, expected: str, section: object) -> None:
    if not holds:
        value = getattr(section, key.partition(".")[2])
        raise ConfigurationError(f"{key}: expected {expected}, got {value}")


@dataclass(frozen=True)
class LakeConfig:
    """Where the tables are: `<path>/<table>`, or `<catalog>.<table>` when `catalog` is set.

    `io`: whether tasks write Parquet themselves (`native`), Spark does (`spark`), or the place
    decides (`auto`).
    """

    path: str = "lake"
    catalog: str | None = None
    io: str = "auto"

    def __post_init__(self) -> None:
        if self.io not in LAKE_IOS:
            raise ConfigurationError(f"lake.io: unknown '{self.io}'{nearest(self.io, LAKE_IOS)}")


@dataclass(frozen=True)
class RunConfig:
    """What one run looks at. The trial limits apply after ingest, never to what the lake holds."""

    run_date: date | None = None
    sample_fraction: float = 1.0
    max_rows: int | None = None

    def __post_init__(self) -> None:
        _require(0 < self.sample_fraction <= 1, "run.sample_fraction", "above 0, at most 1", self)
        _require(self.max_rows is None or self.max_rows > 0, "run.max_rows", "above 0", self)


@dataclass(frozen=True)
class IngestConfig:
    """Limits of ingest; a profile may set its own `max_rejected_share`."""

    max_rejected_share: float = 0.05
    split_bytes: int = 67_108_864
    events_per_file: int = 2_000_000
    staging: str | None = None

    def __post_init__(self) -> None:
        share = self.max_rejected_share
        _require(0 <= share <= 1, "ingest.max_rejected_share", "from 0 to 1", self)
        _require(self.split_bytes > 0, "ingest.split_bytes", "above 0", self)
        _require(self.events_per_file > 0, "ingest.events_per_file", "above 0", self)
        # Python reads the copies, on the driver and on workers.
        is_here = self.staging is None or not is_remote(self.staging)
        _require(is_here, "ingest.staging", "a path of this machine", self)


@dataclass(frozen=True)
class GateConfig:
    """What jobs/gate.py asks of the days before a run date."""

    max_days_behind: int = 1
    min_day_share: float = 0.2

    def __post_init__(self) -> None:
        _require(self.max_days_behind > 0, "gate.max_days_behind", "1 or more", self)
        _require(0 <= self.min_day_share <= 1, "gate.min_day_share", "from 0 to 1", self)


@dataclass(frozen=True)
class FeaturesConfig:
    """Feature families beyond the standing ones, such as `price_relative`."""

    optional_families: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelConfig:
    """How customers are prepared and clustered; `docs/configuration.md` explains each key."""

    algorithms: tuple[str, ...] = ("kmeans", "bisecting_kmeans")
    features: tuple[str, ...] = ()
    k: int | None = None
    k_min: int = 2
    k_max: int = 8
    min_cluster_share: float = 0.01
    transform: str = "auto"
    clip: str = "percentile"
    clip_percentile: float = 1.0
    clip_factor: float = 1.5
    min_events: int = 20
    informed_share: float = 0.1
    informed_customers: int = 1_000
    prior_events: float = 5.0
    scaling: str = "standard"
    min_variance: float = 1e-9
    max_correlation: float = 0.95
    pca_components: int | None = None
    max_iterations: int = 50
    bisecting_iterations: int = 20
    tolerance: float = 1e-4
    seed: int = 7
    sample_customers: int = 50_000
    parallel_fits: int = 2
    use: str = "auto"
    starts: int = 3
    min_stability: float = 0.75
    bootstraps: int = 20
    stability_candidates: int = 3
    stability_customers: int = 20_000
    switch_margin: float = 0.02
    compare: tuple[str, ...] = ()
    compare_customers: int = 5_000
    silhouette_customers: int = 10_000

    def __post_init__(self) -> None:
        for key, known in _MODEL_WORDS.items():
            value = getattr(self, key)
            if value not in known:
                raise ConfigurationError(f"model.{key}: unknown '{value}'{nearest(value, known)}")
        _require(self.k is None or self.k >= 2, "model.k", "2 or more", self)
        _require(self.k_min >= 2, "model.k_min", "2 or more", self)
        _require(self.k_max >= self.k_min, "model.k_max", "at least model.k_min", self)
        for name in self.compare:
            if name not in COMPARISONS:
                raise ConfigurationError(
                    f"model.compare: unknown '{name}'{nearest(name, COMPARISONS)}"
                )
        for key in ("max_iterations", "bisecting_iterations", "parallel_fits", "starts"):
            _require(getattr(self, key) > 0, f"model.{key}", "above 0", self)
        components = self.pca_components
        _require(components is None or components > 0, "model.pca_components", "above 0", self)
        _require(self.min_events > 0, "model.min_events", "above 0", self)
        _require(0 <= self.informed_share <= 1, "model.informed_share", "from 0 to 1", self)
        _require(self.prior_events >= 0, "model.prior_events", "0 or more", self)
        _require(0 <= self.clip_percentile < 50, "model.clip_percentile", "0 to below 50", self)
        _require(0 <= self.min_stability <= 1, "model.min_stability", "from 0 to 1", self)
        _require(self.bootstraps >= 0, "model.bootstraps", "0 or more", self)
        for key in ("switch_margin", "silhouette_customers"):
            _require(getattr(self, key) >= 0, f"model.{key}", "0 or more", self)
        for key in ("stability_customers", "compare_customers"):
            _require(getattr(self, key) >= 2, f"model.{key}", "2 or more", self)
        _require(self.sample_customers >= 2, "model.sample_customers", "2 or more", self)
        _require(bool(self.algorithms), "model.algorithms", "one algorithm at least", self)


@dataclass(frozen=True)
class NamingConfig:
    """How segments get their names: the file of archetypes, and what a match takes."""

    archetypes: str = "archetypes.toml"
    min_score: float = 0.35
    kept_name_bonus: float = 0.25

    def __post_init__(self) -> None:
        _require(self.kept_name_bonus >= 0, "naming.kept_name_bonus", "0 or more", self)


@dataclass(frozen=True)
class IdentityConfig:
    """When a segment of a new run is one of the previous run's, and what is a split or merge."""

    max_distance: float = 0.75
    min_overlap: float = 0.3
    split_share: float = 0.3

    def __post_init__(self) -> None:
        _require(self.max_distance > 0, "identity.max_distance", "above 0", self)
        for key in ("min_overlap", "split_share"):
            _require(0 < getattr(self, key) <= 1, f"identity.{key}", "above 0, at most 1", self)


@dataclass(frozen=True)
class DriftConfig:
    """Population stability index: below `watch` the same, above `refit` another population."""

    watch: float = 0.1
    refit: float = 0.25

    def __post_init__(self) -> None:
        _require(0 < self.watch <= self.refit, "drift.watch", "above 0, at most refit", self)


@dataclass(frozen=True)
class ClvConfig:
    """Customer lifetime value: BG/NBD and Gamma-Gamma over the buyers."""

    enabled: bool = True
    min_repeat_buyers: int = 50
    max_spend_buyers: int = 200_000
    monthly_discount_rate: float = 0.01

    def __post_init__(self) -> None:
        _require(self.min_repeat_buyers > 0, "clv.min_repeat_buyers", "above 0", self)
        _require(self.max_spend_buyers > 0, "clv.max_spend_buyers", "above 0", self)
        rate = self.monthly_discount_rate
        _require(0 <= rate < 1, "clv.monthly_discount_rate", "from 0 to below 1", self)


@dataclass(frozen=True)
class ReportConfig:
    """The report of a run: whether, and the folder; none: `reports` beside the lake's folder."""

    enabled: bool = True
    path: str | None = None


@dataclass(frozen=True)
class ExportsConfig:
    """What an activation export holds back, and how sure a measured effect is said to be."""

    control_share: float = 0.0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        _require(0 <= self.control_share < 1, "exports.control_share", "from 0 to below 1", self)
        _require(0 < self.confidence < 1, "exports.confidence", "between 0 and 1", self)


@dataclass(frozen=True)
class FetchConfig:
    """How a purchase API is asked; see jobs/fetch.py."""

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
            _require(getattr(self, key) > 0, f"fetch.{key}", "above 0", self)
        for key in ("requests_per_second", "timeout_s", "first_wait_s", "longest_wait_s"):
            _require(getattr(self, key) > 0, f"fetch.{key}", "above 0", self)
        share = self.max_quarantined_share
        _require(0 <= share <= 1, "fetch.max_quarantined_share", "from 0 to 1", self)


@dataclass(frozen=True)
class Config:
    """The whole configuration. `sources` maps a profile's name to its path and overrides."""

    lake: LakeConfig = field(default_factory=LakeConfig)
    run: RunConfig = field(default_factory=RunConfig)
    ingest: IngestConfig = field(default_factory=IngestConfig)
    gate: GateConfig = field(default_factory=GateConfig)
    features: FeaturesConfig = field(default_factory=FeaturesConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    naming: NamingConfig = field(default_factory=NamingConfig)
    identity: IdentityConfig = field(default_factory=IdentityConfig)
    drift: DriftConfig = field(default_factory=DriftConfig)
    clv: ClvConfig = field(default_factory=ClvConfig)
    report: ReportConfig = field(default_factory=ReportConfig)
    exports: ExportsConfig = field(default_factory=ExportsConfig)
    fetch: FetchConfig = field(default_factory=FetchConfig)
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def as_json(self) -> str:
        """The configuration as canonical JSON, for the manifest."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, default=str)

    def hash(self) -> str:
        """A short hash of the configuration: equal configurations have equal hashes."""
        return hashlib.sha256(self.as_json().encode()).hexdigest()[:16]


def load(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The configuration of a TOML file, with `section.key=value` overrides laid over it.

    Raises ConfigurationError for a missing or malformed file, and as `build` does.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(f"configuration file not found: {path}") from error
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}") from error
    for override in overrides:
        _lay_over(tree, override)
    # Whoever mistyped an option shouldn't look for it in the file.
    shown = (f"--set {without_secrets(o)}" for o in overrides)
    return build(tree, where=" ".join([str(path), *shown]))


def build(tree: Mapping[str, Any], where: str) -> Config:
    """A checked Config of nested mappings; `where` says in errors where they came from."""
    sections = dict(tree)
    sources = sections.pop("sources", {})
    if not isinstance(sources, Mapping):
        raise ConfigurationError(f"{where}: 'sources' must be a table of profiles")
    for name, source in sources.items():
        if not isinstance(source, Mapping):
            raise ConfigurationError(
                f"{where}: sources: expected a table of settings for '{name}', got {source!r}"
            )
        _check_secrets(source, f"{where}: sources: {name}")
    config = typed(Config, sections, where)
    return dataclasses.replace(config, sources=sources)


def _check_secrets(source: Mapping[str, Any], where: str) -> None:
    """The configuration is kept with each run, so a password in it would be, too."""
    paths = source.get("path", ())
    for path in [paths] if isinstance(paths, str) else paths:
        if isinstance(path, str) and is_database(path) and without_secrets(path) != path:
            raise ConfigurationError(
                f"{where}: {without_secrets(path)} holds a secret; give it by the environment:"
                " CUSTSEG_JDBC_PASSWORD"
            )


def typed(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """A dataclass built from a mapping: unknown keys and wrong types are ConfigurationErrors."""
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    arguments = {}
    for key, value in values.items():
        if key not in fields:
            raise ConfigurationError(f"{where}: unknown key '{key}'{nearest(key, fields)}")
        arguments[key] = _coerce(value, fields[key].type, f"{where}: {key}")
    missing = [
        name
        for name, f in fields.items()
        if name not in values
        and f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigurationError(f"{where}: missing key '{missing[0]}'")
    return cls(**arguments)


def _coerce(value: Any, type_: Any, where: str) -> Any:
    if dataclasses.is_dataclass(type_) and isinstance(value, Mapping):
        return typed(type_, value, where)  # type: ignore[arg-type]
    origin = get_origin(type_)
    if origin is UnionType:
        return None if value is None else _coerce(value, get_args(type_)[0], where)
    if origin is tuple:
        items = [value] if isinstance(value, str) else value
        if isinstance(items, Sequence) and all(isinstance(i, str) for i in items):
            return tuple(items)
    elif origin is not None and isinstance(value, Mapping):
        return dict(value)
    elif type_ is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    elif type_ is date and isinstance(value, str):
        return parse_date(value, where)
    elif type(value) is type_:
        # By isinstance a bool would be an int, and a datetime a date.
        return value
    expected = getattr(type_, "__name__", str(type_))
    raise ConfigurationError(f"{where}: expected {expected}, got {value!r}")


def parse_date(text: str, where: str) -> date:
    """A date of `YYYY-MM-DD`; anything else is a ConfigurationError that quotes it."""
    try:
        day = date.fromisoformat(text)
        # It also takes week dates such as 2019-W01-1.
        if day.isoformat() == text:
            return day
    except ValueError:
        pass
    raise ConfigurationError(f"{where}: expected a date as YYYY-MM-DD, got '{text}'")


def _lay_over(tree: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    *sections, leaf = key.strip().split(".")
    if not separator or not sections or not leaf:
        raise ConfigurationError(f"--set {override}: expected section.key=value")
    for section in sections:
        branch = tree.setdefault(section, {})
        if not isinstance(branch, dict):
            raise ConfigurationError(f"--set {override}: '{section}' is not a section")
        tree = branch
    tree[leaf] = _toml_value(text.strip())


def _toml_value(text: str) -> Any:
    """A TOML value where the text is one (`8`, `true`, `["a"]`), else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def find(name: str) -> Path:
    """The file of that path, or else the shipped one of that name, such as `presets/rfm.toml`."""
    shipped = conf_dir() / name
    return shipped if not Path(name).exists() and shipped.is_file() else Path(name)


def conf_dir() -> Path:
    """The folder of shipped configuration: the wheel's own copy, or the checkout's `conf`."""
    package = Path(__file__).parent.parent
    packaged = package / "conf"
    if packaged.is_dir():
        return packaged
    # By --py-files the wheel stays an archive, and what is in an archive has no path.
    if package.parent.is_file():
        return _unpacked(package.parent) / package.name / packaged.name
    return package.parent / "conf"


@cache
def _unpacked(wheel: Path) -> Path:
    """The wheel's configuration in a temporary folder, removed when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="custseg-conf-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with ZipFile(wheel) as archive:
        archive.extractall(folder, [n for n in archive.namelist() if n.endswith(".toml")])
    return folder

"""The sections `naming`, `identity` and `drift`: how segments are named and followed over runs."""

from dataclasses import dataclass

from custseg_spark.errors import require


@dataclass(frozen=True)
class NamingConfig:
    """How segments get their names: the file of archetypes, and thresholds."""

    archetypes: str = "archetypes.toml"
    min_score: float = 0.35
    kept_name_bonus: float = 0.25

    def __post_init__(self) -> None:
        require(self.kept_name_bonus >= 0, "naming.kept_name_bonus", "0 or more", self)


@dataclass(frozen=True)
class IdentityConfig:
    """Thresholds for continuing a segment of the previous run, and for splits and merges."""

    max_distance: float = 0.75
    min_overlap: float = 0.3
    split_share: float = 0.3

    def __post_init__(self) -> None:
        require(self.max_distance > 0, "identity.max_distance", "above 0", self)
        for key in ("min_overlap", "split_share"):
            require(0 < getattr(self, key) <= 1, f"identity.{key}", "above 0, at most 1", self)


@dataclass(frozen=True)
class DriftConfig:
    """Population stability index: below `watch` the same population, above `refit` another one."""

    watch: float = 0.1
    refit: float = 0.25

    def __post_init__(self) -> None:
        require(0 < self.watch <= self.refit, "drift.watch", "above 0, at most refit", self)

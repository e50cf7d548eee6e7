"""What a run learns from all customers for the features of each, as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import numpy as np

from custseg_spark.core.features.levels import Levels
from custseg_spark.core.features.rfm_groups import RfmGroups, standard_groups
from custseg_spark.core.features.scores import Cutoffs
from custseg_spark.errors import InputError

_FORMAT = 1
_FLAWS = (ValueError, TypeError, KeyError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Learned:
    """The price levels of categories, and the cutoffs and groups of the RFM scores, as of a run
    date."""

    as_of: date
    levels: Levels
    cutoffs: Cutoffs
    rfm_groups: RfmGroups = field(default_factory=standard_groups)

    def as_json(self) -> str:
        """Return canonical JSON, which `parsed` reads."""
        keys, units = self.levels.keys.tolist(), self.levels.units.tolist()
        values = {
            "format": _FORMAT,
            "as_of": self.as_of.isoformat(),
            "price_levels": {"category_keys": keys, "log_price_units": units},
            "rfm_cutoffs": asdict(self.cutoffs),
            "rfm_groups": asdict(self.rfm_groups),
        }
        return json.dumps(values, sort_keys=True)


def file_name(run_id: str) -> str:
    """Return the name of a run's file, beside the models of its date."""
    return f"learned-{run_id}.json"


def parsed(text: str, where: str) -> Learned:
    """Read what was learned from its JSON; errors name `where`. Raises InputError."""
    try:
        values: Mapping[str, Any] = json.loads(text)
        if values["format"] != _FORMAT:
            raise ValueError(f"format {values['format']}, expected {_FORMAT}")
        of_categories = values["price_levels"]
        keys = np.array(of_categories["category_keys"], dtype=np.int64)
        units = np.array(of_categories["log_price_units"], dtype=np.int64)
        if keys.shape != units.shape or keys.ndim != 1 or (np.diff(keys) <= 0).any():
            raise ValueError("price_levels: expected ascending keys with a level each")
        cutoffs = {k: tuple(int(v) for v in of) for k, of in values["rfm_cutoffs"].items()}
        day = date.fromisoformat(values["as_of"])
        groups = _groups(values["rfm_groups"]) if "rfm_groups" in values else standard_groups()
        return Learned(day, Levels(keys, units), Cutoffs(**cutoffs), groups)
    except _FLAWS as error:
        raise InputError(f"{where} can't be read: {error}") from error


def _groups(values: Mapping[str, Any]) -> RfmGroups:
    names, places = tuple(values["names"]), tuple(int(place) for place in values["places"])
    groups = RfmGroups(int(values["bins"]), names, places)
    is_total = len(places) == groups.bins**3 and all(0 < place < len(names) for place in places)
    if not is_total or not all(isinstance(name, str) for name in names):
        raise ValueError("rfm_groups: expected a group for each score code")
    return groups

"""Customer segmentation on Spark: from an event log to named, stable segments in Delta tables.

    import custseg_spark as cs

    result = cs.segment("events.csv", mapping="ecommerce_events", lake="lake")
    result.segments                     # a row a segment: name, customers, revenue, what marks it
    print(result.explain("367345035"))  # why a customer is where it is
    cs.score(frame, model=result.model) # new customers, without Spark

docs/guides/python.md is the guide. A name is loaded when it is first used: importing the package
takes milliseconds and starts nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from custseg_spark.config.mappings import MappingFile as Mapping
    from custseg_spark.config.settings import Config
    from custseg_spark.errors import (
        ConfigurationError,
        ConflictError,
        CustsegError,
        InputError,
        RejectedShareError,
        ResourceError,
    )
    from custseg_spark.interfaces.python.configuring import load_config, load_mapping
    from custseg_spark.interfaces.python.lakes import Lake, open_lake
    from custseg_spark.interfaces.python.models import Model, load_model, score
    from custseg_spark.interfaces.python.previews import Preview, preview
    from custseg_spark.interfaces.python.running import ingest, segment
    from custseg_spark.interfaces.python.segmentations import Segmentation
    from custseg_spark.outputs.explanations import Explanation
    from custseg_spark.pipeline.ingest import IngestSummary as Ingested

__version__ = "0.2.0"

__all__ = [
    "Config",
    "ConfigurationError",
    "ConflictError",
    "CustsegError",
    "Explanation",
    "Ingested",
    "InputError",
    "Lake",
    "Mapping",
    "Model",
    "Preview",
    "RejectedShareError",
    "ResourceError",
    "Segmentation",
    "ingest",
    "load_config",
    "load_mapping",
    "load_model",
    "open_lake",
    "preview",
    "score",
    "segment",
]

_PYTHON = "custseg_spark.interfaces.python"
_ERRORS = "custseg_spark.errors"
# The module that has a public name, and what it is called there.
_PLACES = {
    "Config": ("custseg_spark.config.settings", "Config"),
    "Mapping": ("custseg_spark.config.mappings", "MappingFile"),
    **{name: (_ERRORS, name) for name in __all__ if name.endswith("Error")},
    **{name: (f"{_PYTHON}.configuring", name) for name in ("load_config", "load_mapping")},
    "Explanation": ("custseg_spark.outputs.explanations", "Explanation"),
    **{name: (f"{_PYTHON}.lakes", name) for name in ("Lake", "open_lake")},
    **{name: (f"{_PYTHON}.models", name) for name in ("Model", "load_model", "score")},
    **{name: (f"{_PYTHON}.previews", name) for name in ("Preview", "preview")},
    "Ingested": ("custseg_spark.pipeline.ingest", "IngestSummary"),
    **{name: (f"{_PYTHON}.running", name) for name in ("ingest", "segment")},
    "Segmentation": (f"{_PYTHON}.segmentations", "Segmentation"),
}


def __getattr__(name: str) -> Any:
    """Return a public name, from its module."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PLACES[name]
    value = getattr(import_module(module), attribute)
    # From now on it is an ordinary attribute.
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

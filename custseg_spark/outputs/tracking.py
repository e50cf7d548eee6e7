"""Log a run of a lake as a run of MLflow: parameters, indices, report, tables, and models.

A model is logged in its portable form, which scores without Spark. A run of the lake is logged
once: if MLflow has finished it, only its name is returned. The module imports mlflow (extra
`mlflow`) late.
"""

import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from custseg_spark import scratch
from custseg_spark.core.clustering import portable
from custseg_spark.core.clustering.scoring import ScoringModel
from custseg_spark.engine.lake.columns import RUN_ID
from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.rows import dicts_of
from custseg_spark.engine.lake.schemas import MODEL_SELECTION, RUNS, SEGMENT_PROFILES
from custseg_spark.errors import ConfigurationError, TargetError
from custseg_spark.outputs import tracked_model
from custseg_spark.outputs.report import reading, write_here
from custseg_spark.redaction import redacted

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

# Limits of MLflow's stores.
_LONGEST_VALUE, _LONGEST_KEY = 6_000, 250
_RUN_TAG = "custseg.run_id"
_INDICES = (
    "silhouette",
    "informed_silhouette",
    "euclidean_silhouette",
    "davies_bouldin",
    "calinski_harabasz",
    "within_cluster_cost",
    "smallest_share",
    "stability",
    "adjusted_rand_index",
)


@dataclass(frozen=True)
class Tracking:
    """Where to log: None stands for MLflow's own variables.

    `register` is the registered model's name; algorithms other than the main one append their own.
    """

    uri: str | None = None
    experiment: str = "custseg"
    register: str | None = None


@dataclass(frozen=True)
class Tracked:
    """A run of MLflow, whether it existed before, and its models' addresses by algorithm."""

    run_id: str
    run_date: date
    was_there: bool
    models: Mapping[str, str]


def require() -> None:
    """Raise ConfigurationError if mlflow isn't installed."""
    try:
        import mlflow  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            "MLflow isn't installed: pip install 'custseg-spark[mlflow]'"
        ) from error


def log(reader: LakeReader, run_date: date | None, tracking: Tracking, umask: str) -> Tracked:
    """Log a run of the lake (None: the latest).

    Raises InputError without a run, TargetError for a store that can't be used.
    """
    require()
    import mlflow
    from mlflow.exceptions import MlflowException

    reader = reader.at_one_moment()
    day = reading.run_date_of(reader, run_date)
    [run] = dicts_of(reader.rows(RUNS, dates=[day]))
    try:
        if tracking.uri:
            mlflow.set_tracking_uri(tracking.uri)
        client = mlflow.MlflowClient()
        experiment = mlflow.set_experiment(tracking.experiment).experiment_id
        if finished := _logged(client, experiment, run[RUN_ID]):
            return Tracked(finished, day, was_there=True, models={})
        with mlflow.start_run(experiment_id=experiment, run_name=f"{day} {run[RUN_ID]}") as started:
            mlflow.set_tags(_tags(run, day))
            _log_parameters(run)
            _log_metrics(reader, day, run)
            _log_files(reader, day, umask)
            models = _log_models(reader, day, run, tracking)
    except (MlflowException, OSError) as error:
        raise TargetError(f"MLflow: {redacted(str(error))}") from error
    return Tracked(started.info.run_id, day, was_there=False, models=models)


def _logged(client: "MlflowClient", experiment: str, run_id: str) -> str | None:
    """Return MLflow's finished run for this run of the lake."""
    query = f"tags.`{_RUN_TAG}` = '{run_id}' and attributes.status = 'FINISHED'"
    runs = client.search_runs([experiment], query, max_results=1)
    return runs[0].info.run_id if runs else None


def _tags(run: Mapping[str, Any], day: date) -> dict[str, str]:
    return {
        _RUN_TAG: str(run[RUN_ID]),
        "custseg.run_date": day.isoformat(),
        "custseg.model_use": str(run["model_use"]),
        "custseg.model_reason": str(run["model_reason"]),
        "custseg.config_hash": str(run["config_hash"]),
        "custseg.warnings": "\n".join(run["warnings"] or []),
    }


def _log_parameters(run: Mapping[str, Any]) -> None:
    import mlflow

    settings = dict(_flat(json.loads(run["config"] or "{}")))
    settings |= {"seed": run["seed"], "customer_features": " ".join(run["features"] or [])}
    mlflow.log_params(
        {key[:_LONGEST_KEY]: str(value)[:_LONGEST_VALUE] for key, value in settings.items()}
    )


def _flat(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Return settings by dotted key, without sources: they have the user's paths."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            if not above and key == "sources":
                continue
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _log_metrics(reader: LakeReader, day: date, run: Mapping[str, Any]) -> None:
    """Log the chosen models' indices by algorithm, and all candidates' with k as the step."""
    import mlflow

    for row in dicts_of(reader.rows(MODEL_SELECTION, dates=[day])):
        values = {name: row[name] for name in _INDICES if _is_number(row[name])}
        algorithm, k = row["algorithm"], row["k"]
        mlflow.log_metrics({f"{algorithm}.by_k.{n}": v for n, v in values.items()}, step=k)
        if row["chosen"]:
            mlflow.log_metrics({f"{algorithm}.{n}": v for n, v in values.items()})
            mlflow.log_metric(f"{algorithm}.k", k)
    for stage, seconds in (run["stage_seconds"] or {}).items():
        mlflow.log_metric(f"seconds.{stage.replace(' ', '_')}", seconds)
    for name, rows in (run["row_counts"] or {}).items():
        mlflow.log_metric(f"rows.{name}", rows)


def _is_number(value: float | None) -> bool:
    return value is not None and value == value


def _log_files(reader: LakeReader, day: date, umask: str) -> None:
    import mlflow

    content = reading.content(reader, day, reader.map_files)
    with scratch.folder("custseg-mlflow-") as folder:
        write_here(content, folder / "report", umask)
        mlflow.log_artifacts(str(folder / "report"), "report")
    columns = ["algorithm", "segment_id", "segment_name", "customers", "customer_share", "revenue"]
    profiles = pl.DataFrame(pl.from_arrow(reader.rows(SEGMENT_PROFILES, columns, [day])))
    mlflow.log_text(profiles.sort("algorithm", "segment_id").write_csv(), "segment_profiles.csv")


def _log_models(
    reader: LakeReader, day: date, run: Mapping[str, Any], tracking: Tracking
) -> dict[str, str]:
    """Log each algorithm's model; return the addresses by algorithm, the main one's first."""
    configured = json.loads(run["config"] or "{}").get("model", {}).get("algorithms", [])
    names = [name for name in configured if name in (run["models"] or {})]
    names += sorted(set(run["models"] or {}).difference(names))
    addresses = {}
    for algorithm in names:
        registered = tracking.register
        if registered and algorithm != names[0]:
            registered = f"{registered}-{algorithm}"
        addresses[algorithm] = _log_model(reader.model(day, algorithm), algorithm, registered)
    return addresses


def _log_model(scoring: ScoringModel, name: str, registered: str | None) -> str:
    import mlflow
    import pandas as pd
    from mlflow.models import infer_signature

    # Doubles, because a missing feature is NaN, even among whole numbers.
    example = pd.DataFrame({column: [0.0] for column in scoring.columns})
    answer = tracked_model.SegmentModel(scoring).predict(example)
    with scratch.folder("custseg-mlflow-") as folder, warnings.catch_warnings():
        document = folder / portable.FILE_NAME
        document.write_text(portable.document(scoring).text, encoding="utf-8")
        # MLflow warns of whole numbers in results, and of an example that isn't kept.
        warnings.simplefilter("ignore")
        logged = mlflow.pyfunc.log_model(
            name=name,
            loader_module=tracked_model.__name__,
            data_path=str(document),
            signature=infer_signature(example, answer),
            pip_requirements=[f"custseg-spark=={_version()}"],
            registered_model_name=registered,
        )
    return str(logged.model_uri)


def _version() -> str:
    from importlib.metadata import version

    return version("custseg-spark")


def summary(tracked: Tracked, where: Path | str) -> str:
    """Describe the logged run in words."""
    if tracked.was_there:
        return f"The run of {tracked.run_date} is in MLflow already: {tracked.run_id} in {where}"
    lines = [f"Logged the run of {tracked.run_date} to MLflow: {tracked.run_id} in {where}"]
    lines += [f"  {algorithm}: {uri}" for algorithm, uri in tracked.models.items()]
    return "\n".join(lines)

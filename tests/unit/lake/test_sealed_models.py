"""The hash of a model's files, and the classes that its metadata may name; nothing is loaded."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from custseg_spark.engine import model_files
from custseg_spark.engine.spark import model_store, sealing
from custseg_spark.errors import InputError

UIDS = ("VectorAssembler_1", "StandardScaler_2", "KMeans_3")
CLASSES = (
    "org.apache.spark.ml.feature.VectorAssembler",
    "org.apache.spark.ml.feature.StandardScalerModel",
    "org.apache.spark.ml.clustering.KMeansModel",
)


def metadata(folder: Path, class_: str, **parameters: Any) -> Path:
    path = folder / "metadata" / "part-00000-a.txt"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"class": class_, "paramMap": parameters}))
    path.with_name("_SUCCESS").touch()
    path.with_name(f".{path.name}.crc").write_bytes(b"sum")
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model's folder as MLlib leaves it."""
    folder = tmp_path / "kmeans-1"
    metadata(folder / "model", "org.apache.spark.ml.PipelineModel", stageUids=UIDS)
    for place, (uid, class_) in enumerate(zip(UIDS, CLASSES, strict=True)):
        stage = folder / "model" / "stages" / f"{place}_{uid}"
        metadata(stage, class_, k=3)
        (stage / "data").mkdir()
        (stage / "data" / "part-00000.parquet").write_bytes(f"data of {uid}".encode())
    (folder / "manifest.json").write_text("{}")
    return folder


def digest(folder: Path) -> str:
    return model_files.digest(sealing.read(None, str(folder)))  # type: ignore[arg-type]


def part(model: Path, stage: int | None) -> Path:
    """The metadata of a stage, or of the pipeline."""
    below = "model" if stage is None else f"model/stages/{stage}_{UIDS[stage]}"
    return model / below / "metadata" / "part-00000-a.txt"


def test_checksums_of_hadoop_are_no_part_and_all_else_is(model: Path) -> None:
    before = digest(model)
    for checksum in model.rglob(".*.crc"):
        checksum.unlink()
    assert digest(model) == before
    for path in sorted(p for p in model.rglob("*") if p.is_file()):
        content = path.read_bytes()
        path.write_bytes(content + b" ")
        assert digest(model) != before, path
        path.unlink()
        assert digest(model) != before, path
        path.write_bytes(content)
    (model / "more.parquet").touch()
    assert digest(model) != before


def test_files_that_change_places_change_the_hash(model: Path) -> None:
    before = digest(model)
    one, two = sorted(model.rglob("*.parquet"))[:2]
    contents = one.read_bytes(), two.read_bytes()
    one.write_bytes(contents[1])
    two.write_bytes(contents[0])
    assert digest(model) != before


@pytest.mark.parametrize("of", ["file", "folder"])
def test_a_link_is_no_part_of_a_model(model: Path, tmp_path: Path, of: str) -> None:
    target = tmp_path / "elsewhere"
    target.mkdir() if of == "folder" else target.touch()
    (model / "link").symlink_to(target)
    with pytest.raises(InputError, match="neither a file nor a folder"):
        digest(model)


def test_more_than_a_model_is_not_read(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "_MOST_FILES", 5)
    with pytest.raises(InputError, match="more files or bytes than a model"):
        digest(model)
    (model / "large").write_bytes(b"x" * 2_000)
    monkeypatch.setattr(model_files, "MOST_BYTES", 1_000)
    with pytest.raises(InputError, match="longer than a model"):
        digest(model)


def classes_checked(model: Path, algorithm: str = "kmeans") -> None:
    files = sealing.read(None, str(model))  # type: ignore[arg-type]
    sealing.require_classes(files, algorithm, str(model))


def test_our_own_classes_are_let_through(model: Path) -> None:
    classes_checked(model)


def of_class(stage: int | None, class_: str, **parameters: Any) -> Callable[[Path], object]:
    text = json.dumps({"class": class_, "paramMap": parameters})
    return lambda model: part(model, stage).write_text(text)


@pytest.mark.parametrize(
    "tamper",
    [
        of_class(2, "os.system"),
        of_class(2, "org.apache.spark.ml.clustering.LDAModel"),
        of_class(2, CLASSES[2], language="Python"),
        of_class(None, "org.apache.spark.ml.PipelineModel", stageUids=UIDS, language="Python"),
        of_class(None, "org.apache.spark.ml.tuning.CrossValidatorModel", stageUids=UIDS),
        of_class(None, "org.apache.spark.ml.PipelineModel", stageUids=UIDS[:2]),
        of_class(None, "org.apache.spark.ml.PipelineModel", stageUids=[*UIDS, "Other_4"]),
        of_class(None, "org.apache.spark.ml.PipelineModel", stageUids=UIDS[::-1]),
        of_class(None, "org.apache.spark.ml.PipelineModel", stageUids=7),
        lambda model: part(model, 1).write_bytes(b""),
        lambda model: part(model, 1).write_bytes(b"\xff\x00garbage"),
        lambda model: part(model, 1).write_bytes(b"[" * 100_000),
        lambda model: part(model, 1).write_text('{"paramMap": {}}'),
        lambda model: part(model, 1).write_text('{"class": null, "paramMap": []}'),
        lambda model: part(model, 1).write_text("null"),
        lambda model: part(model, 1).with_name("part-00001.txt").write_text("{}"),
        lambda model: metadata(model / "model" / "stages" / "3_Other_4", "os.system"),
        lambda model: part(model, None).unlink(),
    ],
)
def test_any_other_metadata_is_refused(model: Path, tamper: Callable[[Path], object]) -> None:
    tamper(model)
    with pytest.raises(InputError, match="the model at"):
        classes_checked(model)


def test_a_model_of_another_algorithm_is_refused(model: Path) -> None:
    with pytest.raises(InputError, match="no pipeline of gaussian_mixture"):
        classes_checked(model, "gaussian_mixture")
    with pytest.raises(InputError, match="can't be read"):
        classes_checked(model, "dbscan")


@pytest.mark.parametrize(
    "manifest", [b"[" * 10_000, b'{"a":' * 10_000, b"", b"\xff", b"[]", b'{"format": 4}']
)
def test_a_manifest_that_is_none_is_refused_before_the_model_is_loaded(
    model: Path, manifest: bytes
) -> None:
    path = str(model)
    before = digest(model)
    (model / "manifest.json").write_bytes(manifest)
    with pytest.raises(InputError, match="not as its run published it"):
        model_store.load(None, path, "kmeans", before)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="the manifest of the model at"):
        model_store.load(None, path, "kmeans", digest(model))  # type: ignore[arg-type]

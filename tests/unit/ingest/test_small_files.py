"""Thousands of small files are few tasks, and few files of events."""

from pathlib import Path

from ingest_tasks import places, sink
from ledger import line, log_text

from custseg_spark.config.mappings import load_mapping
from custseg_spark.config.shipped import conf_dir
from custseg_spark.engine.sources import pieces
from custseg_spark.engine.sources.discovery.files import list_files
from custseg_spark.engine.sources.formats import csv
from custseg_spark.engine.sources.pieces import MappedPiece

MAPPING = load_mapping("ecommerce_events", {}, [conf_dir() / "sources"])
PIECE_BYTES = 1 << 23
FILES = 40


def mapped_pieces(folder: Path) -> list[MappedPiece]:
    """The pieces of the files of a folder, all by one mapping."""
    kernels = MAPPING.for_kernels()
    found = []
    for file in list_files(str(folder)):
        facts = csv.inspect(file, MAPPING, PIECE_BYTES)
        assert not isinstance(facts, str)
        found += [MappedPiece(kernels, piece) for piece in csv.pieces(file, file.name, facts)]
    return found


def test_many_small_files_are_one_task_and_one_file_of_events(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for n in range(FILES):
        (logs / f"{n:04}.csv").write_text(log_text([line(product_id=str(n))]))
    [task] = pieces.tasks(mapped_pieces(logs), PIECE_BYTES)
    done = sink(tmp_path / "lake", rows_per_file=10_000)(pieces.located(task))
    [one] = done.events
    expected = [(str(logs / f"{n:04}.csv"), 2) for n in range(FILES)]
    assert places(tmp_path / "lake", [one.file]) == expected
    assert {name: t.valid for name, t in done.tallies.items()} == {name: 1 for name, _ in expected}


def test_a_task_has_so_many_files_as_its_bytes_allow_in_their_order(tmp_path: Path) -> None:
    sizes = [3_000, 3_000, 5_000, 20_000, 1_000]
    for n, size in enumerate(sizes):
        (tmp_path / f"{n}.csv").write_text(log_text(["x" * size]))
    found = pieces.tasks(mapped_pieces(tmp_path), 7_000)
    names = [[Path(piece.piece.source_file).name for piece in task] for task in found]
    assert names == [["0.csv", "1.csv"], ["2.csv"], ["3.csv"], ["4.csv"]]


def test_a_task_has_the_records_of_one_mapping(tmp_path: Path) -> None:
    for n in range(2):
        (tmp_path / f"{n}.csv").write_text(log_text([line()]))
    first, second = mapped_pieces(tmp_path)
    other = MappedPiece(MAPPING.for_kernels(), second.piece)
    assert len(pieces.tasks([first, second], PIECE_BYTES)) == 1
    assert len(pieces.tasks([first, other], PIECE_BYTES)) == 2

"""A lake in a folder, read from Python without Spark."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import python_lake
from matplotlib.figure import Figure
from polars.testing import assert_frame_equal
from python_lake import BEFORE, NOW

import custseg_spark as cs
from custseg_spark.engine.lake import commits
from custseg_spark.engine.lake.files import write_parts
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS, RUNS


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> cs.Lake:
    root = tmp_path_factory.mktemp("python") / "lake"
    python_lake.make(root)
    return cs.open_lake(root)


def test_tables_are_frames_of_all_dates_or_some(lake: cs.Lake) -> None:
    assert lake.tables == [
        "customer_features",
        "customer_segments",
        "segment_profiles",
        "model_selection",
        "segment_points",
        "runs",
    ]
    assert lake.table("customer_segments").height == 6
    found = lake.table("customer_segments", ["customer_id", "segment_id"], run_date="2024-04-01")
    assert_frame_equal(
        found.sort("customer_id"),
        pl.DataFrame({"customer_id": ["a", "b"], "segment_id": [2, 2]}).cast(
            {"segment_id": pl.Int32}
        ),
    )
    assert lake.table("runs", run_date=[BEFORE, "2024-05-01"]).height == 2
    assert lake.table("events").is_empty()
    assert lake.runs()["run_date"].to_list() == [NOW, BEFORE]


def test_what_isnt_there_is_said_with_the_nearest(lake: cs.Lake, tmp_path: Path) -> None:
    with pytest.raises(cs.InputError, match=r"no table 'segments'.*did you mean"):
        lake.table("segments")
    with pytest.raises(cs.InputError, match=r"no column 'segmen_id'.*did you mean 'segment_id'"):
        lake.table("customer_segments", ["segmen_id"])
    with pytest.raises(cs.InputError, match="isn't partitioned by a date"):
        lake.table("ingest_files", run_date=NOW)
    with pytest.raises(cs.InputError, match=r"no run of 2024-06-01 in .*2024-05-01"):
        lake.run("2024-06-01")
    with pytest.raises(cs.ConfigurationError, match="expected a date as YYYY-MM-DD"):
        lake.run("May")
    with pytest.raises(cs.InputError, match="there is no lake at"):
        cs.open_lake(tmp_path / "lak")
    assert not (tmp_path / "lak").exists()


def test_the_latest_run_shows_its_segments_by_id(lake: cs.Lake) -> None:
    result = lake.run()
    assert (result.run_date, result.algorithm, result.algorithms) == (NOW, "kmeans", ["kmeans"])
    assert result.warnings == ["a small log"]
    shown = result.segments.select("segment_id", "segment_name", "customers", "customer_share")
    assert shown.rows() == [(1, "High-Value", 2, 0.5), (2, "Window Shoppers", 2, 0.5)]
    assert result.segments["marks"].to_list() == [["net spend +1.2"], ["net spend −1.2"]]
    assert result.segments["actions"].to_list() == [["Thank them"]] * 2
    assert repr(result) == "<Segmentation of 2024-05-01 by kmeans: 4 customers in 2 segments>"
    head, names, *lines = str(result).splitlines()
    assert head == repr(result)
    assert names.split() == ["id", "segment", "customers", "share", "revenue", "share", "marks"]
    assert [line.split("  ")[-1] for line in lines] == ["net spend +1.2", "net spend −1.2"]
    assert "High-Value" in result._repr_html_()
    with pytest.raises(cs.InputError, match="no algorithm 'kmean'; did you mean 'kmeans'"):
        result.with_algorithm("kmean")


def test_customers_come_in_memory_with_their_features(lake: cs.Lake) -> None:
    customers = lake.run().customers
    assert customers.to_polars()["customer_id"].to_list() == ["a", "b", "c", "d"]
    beside = customers.to_polars(features=True)
    assert beside["frequency"].to_list() == [12, 0, None, 9]
    assert beside["segment_id"].to_list() == [1, 2, 2, 1]
    assert customers.to_pandas()["segment_name"].tolist()[0] == "High-Value"


def test_the_model_gives_the_segments_of_the_table(lake: cs.Lake) -> None:
    result = lake.run()
    features = lake.table("customer_features", run_date=NOW).sort("customer_id")
    scored = cs.score(features, model=result)
    assert scored["cluster"].to_list() == result.customers.to_polars()["cluster"].to_list()
    assert (
        scored["segment_name"].to_list() == result.customers.to_polars()["segment_name"].to_list()
    )


def test_a_customer_is_explained_against_the_segment(lake: cs.Lake) -> None:
    why = lake.run().explain("a")
    assert (why.segment_name, why.second_segment_name) == ("High-Value", "Window Shoppers")
    assert why.reasons == ("monetary", "frequency")
    assert why.features.row(0) == ("monetary", 900.0, 800.0, 800.0, 1.25, 0.25, True)
    assert why.features.row(1) == ("frequency", 12.0, None, None, None, None, True)
    assert why.history.rows() == [(BEFORE, 2, "Window Shoppers"), (NOW, 1, "High-Value")]
    assert str(why).splitlines() == [
        "Customer a on 2024-05-01: High-Value (segment 1)",
        "0.25 from its centre; that of Window Shoppers is 1.50 farther away",
        "  net spend: 900; median of the segment 800",
        "  orders: 12.0; median of the segment –",
        "RFM group: Loyal",
        "So far: 2024-04-01 Window Shoppers, 2024-05-01 High-Value",
    ]
    with pytest.raises(cs.InputError, match="no customer 'x' in"):
        lake.run().explain("x")
    with pytest.raises(cs.InputError, match=r"customer_id 1\.5: expected an id as text"):
        lake.run().explain(1.5)  # type: ignore[arg-type]
    with pytest.raises(cs.InputError, match="no customer '17'"):
        lake.run().explain(np.int64(17))  # type: ignore[arg-type]
    assert lake.run(BEFORE).explain("b").features.is_empty() is False


def test_pictures_are_figures_or_say_that_there_is_nothing(lake: cs.Lake) -> None:
    plot = lake.run().plot
    for name in ("sizes", "profiles", "map", "choice_of_k", "rfm"):
        assert isinstance(getattr(plot, name)(), Figure), name
    assert plot.sizes(theme="dark").get_facecolor() != plot.sizes().get_facecolor()
    with pytest.raises(cs.InputError, match="run of 2024-05-01 has nothing to draw for drift"):
        plot.drift()
    with pytest.raises(cs.InputError, match="takes four weeks with purchases"):
        plot.seasons()
    with pytest.raises(cs.InputError, match="theme: expected light or dark, got 'pink'"):
        plot.sizes(theme="pink")


def test_the_report_is_written_where_it_is_asked_for(lake: cs.Lake, tmp_path: Path) -> None:
    page = lake.run().report(tmp_path)
    assert page == tmp_path / "2024-05-01" / "cluster_report.html"
    assert "Window Shoppers" in page.read_text()
    assert lake.run().report() == Path(lake.path).parent / "reports" / "2024-05-01" / page.name


def test_a_model_of_before_says_what_to_do(tmp_path: Path) -> None:
    python_lake.make(tmp_path)
    (tmp_path / "models" / f"run_date={NOW}" / "kmeans-1" / "scoring.json").unlink()
    result = cs.open_lake(tmp_path).run(date(2024, 5, 1))
    assert result.segments.height == 2
    with pytest.raises(cs.InputError, match=r"isn't there: .* fit again"):
        result.model  # noqa: B018


def test_a_model_that_was_changed_since_is_not_scored_with(tmp_path: Path) -> None:
    python_lake.make(tmp_path)
    result = cs.open_lake(tmp_path).run()
    folder = tmp_path / "models" / f"run_date={NOW}" / "kmeans-1"
    other = cs.load_model(folder)
    assert result.model.segments == other.segments
    (folder / "more.json").write_text("{}")
    with pytest.raises(cs.InputError, match="is not as its run published it"):
        cs.open_lake(tmp_path).run().model  # noqa: B018


def test_only_published_runs_are_seen_and_a_result_stays_what_it_was(tmp_path: Path) -> None:
    native = python_lake.make(tmp_path)
    lake = cs.open_lake(tmp_path)
    result = lake.run()
    # A run at work has added its rows, and isn't published yet.
    again = [{**python_lake.segment(NOW, c, 2), "run_id": "r6"} for c in "abcd"]
    python_lake.add(native, CUSTOMER_SEGMENTS, again, run_id="b")
    assert lake.table("customer_segments", run_date=NOW).height == 4
    assert lake.run().explain("a").segment_id == 1
    commits.replace_dates(
        native,
        RUNS,
        [NOW],
        write_parts(
            python_lake.table_of(RUNS, [{**python_lake.run(NOW), "run_id": "r6"}]),
            RUNS,
            native.folder(RUNS),
            run_id="b",
            task=0,
        ),
        read_version=native.version(RUNS),
    )
    assert lake.run().explain("a").segment_id == 2
    assert result.explain("a").segment_id == 1
    assert result.customers.to_polars()["segment_id"].to_list() == [1, 2, 2, 1]


def test_a_model_that_was_changed_is_refused(tmp_path: Path) -> None:
    python_lake.make(tmp_path)
    file = tmp_path / "models" / f"run_date={NOW}" / "kmeans-1" / "scoring.json"
    file.write_text(file.read_text() + " ")
    result = cs.open_lake(tmp_path).run(date(2024, 5, 1))
    with pytest.raises(cs.InputError, match="is not as its run published it"):
        result.model  # noqa: B018

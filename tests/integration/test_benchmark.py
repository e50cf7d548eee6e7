"""The benchmark: peers compute our features, checks find differences, runs are measured."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import benchmark
import numpy as np
import oracle
import pytest
from bench import check, clustering, measure, page, shop, whole
from bench.check import Checked
from bench.measure import DONE, FAILED, OUT_OF_MEMORY, Measured
from checkout import ROOT, write_log
from sklearn.cluster import KMeans

from custseg_spark.config.loading import load
from custseg_spark.core.clustering import preparation
from custseg_spark.core.features import registry
from custseg_spark.core.features.basket import BASKET
from custseg_spark.core.features.discount import DISCOUNT
from custseg_spark.core.features.rfm_groups import rfm_group
from custseg_spark.engine.lake.schemas import CUSTOMER_FEATURES

BENCHMARK = ROOT / "scripts" / "benchmark.py"
GENERATOR = ROOT / "scripts" / "generate_events.py"
PEERS = ("polars", "duckdb", "pandas")
EVENTS = 4_000
# A purchase that nobody looked at first; prices of nothing; neither category nor brand; a copy.
ODD_LINES = (
    "2019-11-03 23:59:59 UTC,purchase,7,,,,9.99,11,s-a",
    "2019-11-04 00:00:00 UTC,view,7,,,,0.00,12,s-b",
    "2019-11-04 00:00:00 UTC,view,7,,,,0.00,12,s-b",
    "2019-11-04 18:00:00 UTC,cart,7,5,,,0.00,12,s-c",
    "2019-11-05 17:59:59 UTC,purchase,8,5,,acme,3.00,12,s-c",
)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmark")
    made = folder / "made.csv"
    size = [f"--events={EVENTS}", "--customers=300", "--days=35", "--duplicates=0.02"]
    subprocess.run([sys.executable, str(GENERATOR), *size, f"--out={made}"], check=True)
    lines = made.read_text().splitlines()
    return write_log(folder / "log.csv", [*lines[1:], *ODD_LINES], lines[0])


@pytest.fixture(scope="module")
def truth(log: Path) -> dict[str, dict[str, Any]]:
    """Every customer's features by the oracle."""
    records = dict.fromkeys(log.read_text().splitlines()[1:])
    events = [event(*record.split(",")) for record in records]
    last = max(e["event_at"] for e in events).date()
    return oracle.customer_features(events, date.fromordinal(last.toordinal() + 1))


def event(*fields: str) -> oracle.Event:
    at, kind, product, category, _, brand, price, customer, session = fields
    return {
        "event_at": datetime.strptime(at, "%Y-%m-%d %H:%M:%S UTC"),
        "event_type": kind,
        "product_id": product,
        "category_id": category or None,
        "brand": brand or None,
        "unit_price": Decimal(price),
        "quantity": 1,
        "discount": Decimal(0),
        "customer_id": customer,
        "session_id": session,
        "order_id": None,
    }


def run_peer(name: str, log: Path, out: Path) -> Callable[[str], np.ndarray]:
    """A function from a name to the column of the peer's segments."""
    pytest.importorskip(name)
    out.mkdir(exist_ok=True)
    import_module(f"bench.peer_{name}").main(log, out)
    table = pytest.importorskip("pyarrow.parquet").read_table(out / "segments.parquet")

    def column(wanted: str) -> np.ndarray:
        found = table[wanted]
        return np.array([np.nan if v is None else v for v in found.to_pylist()])

    return column


@pytest.mark.parametrize("name", PEERS)
def test_a_peers_features_are_the_oracles(
    name: str, log: Path, truth: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    theirs = run_peer(name, log, tmp_path)
    ids = sorted(truth)

    def expected(column: str) -> np.ndarray:
        if column == "customer_id":
            return np.array([int(i) for i in ids])
        values = [truth[i][column] for i in ids]
        if isinstance(values[0], str):
            return np.array(values)
        return np.array([np.nan if v is None else float(v) for v in values])

    assert check.differences(expected, theirs, shop.FEATURES) == []


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_segments_everybody_at_the_k_that_it_saves(
    name: str, log: Path, tmp_path: Path
) -> None:
    theirs = run_peer(name, log, tmp_path)
    found = clustering.Segmentation.load(tmp_path / "model.json")
    known = {n: theirs(n).astype(float) for n in (*clustering.MODEL, clustering.EVIDENCE)}
    assert list(found.centres) == list(clustering.KS)
    assert found.labels(known, found.k).tolist() == theirs("label").tolist()


def test_peers_know_every_feature_that_the_log_can_tell() -> None:
    # The log has no discounts; baskets came later, and the peers' work stays as it was.
    untold = {feature.name for family in (DISCOUNT, BASKET) for feature in family.features}
    known = [f.name for f in registry.all_features() if f.name not in untold]
    scores = ["rfm_r", "rfm_f", "rfm_m", "rfm_score", "rfm_group"]
    assert sorted(shop.FEATURES) == sorted([*known, *scores])
    assert set(shop.FEATURES) <= set(CUSTOMER_FEATURES.schema.names)


def test_peers_take_the_features_of_the_model_as_ours_does() -> None:
    by_name = {f.name: f for f in registry.all_features()}
    ours = {}
    for name in preparation.DEFAULT_FEATURES:
        feature = by_name[name]
        transform = "log1p" if feature.log1p else "sqrt" if feature.sqrt else "none"
        ours[name] = (transform, feature.null, feature.rate)
    assert ours == clustering.MODEL


def test_peers_have_our_rfm_groups() -> None:
    codes = [(r, f, m) for r in range(1, 6) for f in range(1, 6) for m in range(1, 6)]
    found = [shop.RFM_GROUPS[(r - 1) * 5 + (f + m + 1) // 2 - 1] for r, f, m in codes]
    assert found == [rfm_group(*code) for code in codes]
    assert rfm_group(0, 0, 0) == shop.PROSPECTS


def some_features(customers: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    drawn = {name: rng.lognormal(0, 1, customers) for name in clustering.MODEL}
    drawn["relative_price"][::7] = np.nan
    # After its square root the same as monetary after its logarithm.
    drawn["cart_share"] = np.log1p(drawn["monetary"]) ** 2
    drawn["evening_share"][:] = 0.5
    return {**drawn, clustering.EVIDENCE: rng.integers(20, 90, customers).astype(float)}


def test_peers_prepare_as_ours_does() -> None:
    known = some_features(1_200)
    found, _ = clustering.segment(known)
    by_name = {f.name: f for f in registry.all_features()}
    wanted = [by_name[name] for name in clustering.MODEL]
    evidence = known[clustering.EVIDENCE]
    ours = preparation.learn(known, wanted, preparation.Rules())
    assert set(ours.left_out) == {"cart_share", "evening_share"}
    for own, theirs in zip(ours.features, found.prepared, strict=True):
        assert (own.name, own.transform) == (theirs.name, theirs.transform)
        values = own.values(known[own.name], evidence)
        assert theirs.values(known[own.name], evidence) == pytest.approx(values, rel=1e-12)


@pytest.mark.parametrize(
    ("events", "bar"),
    [
        ([30] * 1_500 + [1] * 5_000, 20),
        ([30] * 300 + [9] * 800 + [1] * 5_000, 9),
        ([30] * 300 + [1] * 300, 1),
    ],
)
def test_the_bar_of_events_is_lowered_until_enough_reach_it(events: list[int], bar: int) -> None:
    assert clustering.informed_bar(np.array(events)) == bar


def columns(**values: Sequence[object]) -> Callable[[str], np.ndarray]:
    return lambda name: np.array(values[name])


OURS = columns(customer_id=["3", "1", "2"], spend=[0.1, 7.0, np.nan], group=["a", "b", "c"])


def test_equal_features_in_another_order_are_equal() -> None:
    theirs = columns(customer_id=[1, 2, 3], spend=[7.0, np.nan, 0.1 + 1e-12], group=["b", "c", "a"])
    assert check.differences(OURS, theirs, ["spend", "group"]) == []


@pytest.mark.parametrize(
    ("ids", "spend", "group", "message"),
    [
        ([1, 2, 3], [7.0, 0.0, 0.1], "bca", "spend: 1 customers differ, the first nan and 0.0"),
        ([1, 2, 3], [7.001, np.nan, 0.1], "bca", "spend: 1 customers differ, the first 7.0 and"),
        ([1, 2, 3], [7.0, np.nan, 0.1], "bcc", "group: 1 customers differ, the first a and c"),
        ([1, 2, 4], [7.0, np.nan, 0.1], "bca", "customers: other ids"),
        ([1, 2], [7.0, np.nan], "bc", "customers: 3 and 2"),
    ],
)
def test_a_planted_difference_is_found(
    ids: list[int], spend: list[float], group: str, message: str
) -> None:
    theirs = columns(customer_id=ids, spend=spend, group=list(group))
    [problem] = check.differences(OURS, theirs, ["spend", "group"])
    assert problem.startswith(message)


def test_the_cost_of_labels_is_scikit_learns_inertia() -> None:
    points = np.random.default_rng(5).standard_normal((500, 4))
    model = KMeans(4, n_init=1, random_state=0, tol=0).fit(points)
    assert check.cost(points, model.labels_) == pytest.approx(model.inertia_)


def test_a_table_is_aligned_markdown() -> None:
    assert page.table(["", "wall, s"], [["polars", "4.1, 4.0"], ["b", "12.0"]]) == (
        "|        |  wall, s |\n| ------ | -------: |\n| polars | 4.1, 4.0 |\n| b      |     12.0 |"
    )


GIB = 2**30


def cells(text: str) -> list[list[str]]:
    """The rows of a Markdown table."""
    return [[c.strip() for c in line.split("|")[1:-1]] for line in text.splitlines()[2:]]


OWN = [Measured(10.0, 15.0, 2 * GIB, DONE), Measured(8.0, 15.0, 3 * GIB, DONE)]


def test_ratios_are_pair_by_pair() -> None:
    peer = [Measured(5.0, 9.0, GIB, DONE), Measured(6.0, 9.5, GIB // 2, DONE)]
    assert cells(whole.result_table({"ours": OWN, "polars": peer}, {})) == [
        ["ours", "10.0, 8.0", "15.0, 15.0", "3.00", "1.00, 1.00"],
        ["polars", "5.0, 6.0", "9.0, 9.5", "1.00", "0.50, 0.75"],
    ]


def test_a_program_out_of_memory_or_with_other_results_has_no_ratio() -> None:
    ended = Measured(31.4, 40.0, 20 * GIB, OUT_OF_MEMORY)
    results = {"ours": OWN, "pandas": [ended], "polars": []}
    rows = cells(whole.result_table(results, {"polars": "monetary: 3 customers differ"}))
    assert rows[1] == ["pandas", "out of memory after 31 s", "40.0", "20.00", ""]
    assert rows[2] == ["polars", "other work, see the check", "", "", ""]


def test_a_check_names_the_differing_cells() -> None:
    found = Checked(58, 1_000, 7, 1.0712, 0.9999, ("monetary: 3 customers differ",))
    [row] = cells(whole.check_table({"pandas": found}))
    assert row[3:] == ["monetary: 3 customers differ", "7", "1.071", "1.000"]


def test_stages_add_up_to_the_wall_time() -> None:
    assert cells(whole.stage_table({"run 1": ({"fit": 2.0, "sessions": 5.5}, 10.0)})) == [
        *(["sessions", "5.5"], ["fit", "2.0"]),
        *(["before, between, after", "2.5"], ["in all", "10.0"]),
    ]


def measured(tmp_path: Path, program: str, memory: int = GIB) -> Measured:
    return measure.run(
        [sys.executable, "-c", program],
        output=tmp_path / "out",
        memory=memory,
        environment=os.environ,
    )


def test_children_count(tmp_path: Path) -> None:
    child = "x = bytearray(150 * 2**20); import time; time.sleep(1.5); print('ch' + 'ild')"
    program = (
        "import subprocess, sys; x = bytearray(150 * 2**20);"
        f"subprocess.run([sys.executable, '-c', {child!r}]); sum(range(20_000_000))"
    )
    done = measured(tmp_path, program)
    assert (done.outcome, done.said) == (DONE, "child\n")
    assert 300 * 2**20 < done.peak < 400 * 2**20
    assert done.wall > 1.5
    assert 0.1 < done.cpu < done.wall


def test_memory_counts_when_two_looks_in_a_row_saw_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # A child that is not yet another program has its parent's memory, not as much again.
    looks = [[5], [5, 5], [5], [7, 2], [8, 1]]
    now: list[int] = []

    def stat(pid: int) -> measure._Stat:
        return measure._Stat(
            parent=pid - 1, session=1, seconds=0, started=pid, resident=now[pid - 1]
        )

    monkeypatch.setattr(measure, "_process_ids", lambda: range(1, len(now) + 1))
    monkeypatch.setattr(measure, "_stat", stat)
    tree = measure._Tree(1)
    peaks = []
    for now[:] in looks:
        tree.sample()
        peaks.append(tree.peak)
    assert peaks == [0, 5, 5, 5, 9]


def test_a_hungry_program_is_ended_with_its_children(tmp_path: Path) -> None:
    eat = "x = []\nwhile True: x.append(bytearray(2**20)); sum(range(20_000))"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {eat!r}])"
    done = measured(tmp_path, program, memory=200 * 2**20)
    assert done.outcome == OUT_OF_MEMORY
    assert done.peak > 200 * 2**20


@pytest.mark.parametrize(
    ("program", "outcome"),
    [
        ("raise MemoryError", OUT_OF_MEMORY),
        ("import os; os.kill(os.getpid(), 9)", OUT_OF_MEMORY),
        ("raise SystemExit(6)", OUT_OF_MEMORY),
        ("raise SystemExit(2)", FAILED),
        ("pass", DONE),
    ],
)
def test_outcomes(program: str, outcome: str, tmp_path: Path) -> None:
    assert measured(tmp_path, program).outcome == outcome


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--only=ours,spark", "unknown 'spark', of ours, polars, duckdb, pandas"),
        ("--parts=all", "unknown 'all', of whole, growth, cores, increment, indices, sweep"),
    ],
)
def test_unknown_names_are_errors(
    argument: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        benchmark.main([argument])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_the_preset_is_valid_and_does_what_the_peers_do() -> None:
    preset = load(ROOT / "conf" / "presets" / "benchmark.toml")
    model = preset.model
    assert (model.algorithms, model.fit.starts, model.stability.bootstraps) == (("kmeans",), 1, 0)
    assert (model.selection.k_min, model.selection.k_max) == (clustering.KS[0], clustering.KS[-1])
    assert model.fit.max_iterations == clustering.ITERATIONS
    assert not preset.clv.enabled
    assert not preset.report.enabled


@pytest.mark.heavy
def test_a_quick_run_from_end_to_end(tmp_path: Path) -> None:
    for name in ("polars", "duckdb"):
        pytest.importorskip(name)
    command = [sys.executable, str(BENCHMARK), "--quick", "--parts=whole"]
    done = subprocess.run(
        [*command, f"--work={tmp_path}", f"--out={tmp_path}/page.md"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "page.md").read_text()
    assert text == done.stdout
    assert len(re.findall(r"\| +equal \|", text)) == len(PEERS)
    [own, *peers, default] = cells(text.split("### 20,000 events")[1].split("\n\n")[1])
    assert [row[0] for row in (own, *peers, default)] == ["ours", *PEERS, "ours, default run"]
    assert all(float(row[4]) > 0 for row in peers)

"""The preset of recency, frequency and monetary value, the guide's commands, the real figures."""

import lzma
import re
import shlex
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from checkout import ROOT, SHARED_DATA, job
from invoices import Line, invoice, write
from pyspark.sql import SparkSession

from custseg_spark.config import loading
from custseg_spark.config.archetypes import load_archetypes
from custseg_spark.config.model import StabilityConfig
from custseg_spark.config.settings import LakeConfig
from custseg_spark.config.shipped import conf_dir
from custseg_spark.core.clustering.buckets import LocalBuckets
from custseg_spark.core.clustering.preparation import Preparation
from custseg_spark.core.features.registry import all_features
from custseg_spark.core.segments.naming import name_segments
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.rows import dicts_of
from custseg_spark.engine.lake.schemas import MODEL_SELECTION, SEGMENT_PROFILES
from custseg_spark.engine.spark.mllib import MllibFits
from custseg_spark.pipeline.checks import feature_names
from custseg_spark.pipeline.clustering import choose, fit, fit_settings
from custseg_spark.pipeline.clustering.sample import draw

GUIDE = (ROOT / "docs" / "guides" / "online_retail.md").read_text(encoding="utf-8")
PRESET = loading.load(conf_dir() / "presets" / "rfm.toml")
NAMES = load_archetypes(conf_dir() / PRESET.naming.archetypes, feature_names())
RFM = ("recency_days", "frequency", "monetary")
FIVE = {"Champions", "Loyal", "Regulars", "At Risk", "Low Value"}
REAL = SHARED_DATA / "online_retail.csv.xz"


def commands() -> list[list[str]]:
    """The guide's commands for Online Retail, without spark-submit."""
    blocks = re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL)
    return [shlex.split(block.replace("\\\n", ""))[1:] for block in blocks]


def run(command: list[str], path: Path, folder: Path, *more: str) -> Lake:
    """The command with its lake in a folder; the lake."""
    program, *arguments = (a.replace("PATH", str(path)) for a in command)
    place = arguments.index("--lake") + 1
    arguments[place] = str(folder / arguments[place])
    job(Path(program).stem).run([*arguments, *more])
    return Lake(SparkSession.active(), LakeConfig(path=arguments[place]))


def lines() -> list[Line]:
    """Four kinds of customers, ten of each: often and much, now and then, lately once, long ago."""
    kinds = (("12", 9, "90.0"), ("11", 5, "60.0"), ("12", 1, "9.0"), ("01", 1, "8.0"))
    return [
        invoice(
            CustomerID=f"{1000 * kind + n}.0",
            InvoiceNo=f"{kind}{n:02}{order}",
            InvoiceDate=f"2010-{month}-{1 + n:02} 10:0{order}:00",
            UnitPrice=price,
        )
        for kind, (month, orders, price) in enumerate(kinds, start=1)
        for n in range(10)
        for order in range(orders)
    ]


@pytest.mark.usefixtures("spark")
def test_the_guides_command_names_segments_by_rfm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    returned = invoice(CustomerID="1000.0", InvoiceNo="C9", Quantity="-1")
    log = write(tmp_path / "log.csv.xz", [*lines(), returned])
    more = ["--set=model.stability.bootstraps=3", f"--set=report.path={tmp_path / 'reports'}"]
    more.append("--set=clv.enabled=false")

    lake = run(commands()[1], log, tmp_path, *more)

    profiles = lake.rows(SEGMENT_PROFILES).to_pylist()
    assert {p["segment_name"]: p["customers"] for p in profiles} == dict.fromkeys(
        ("Champions", "Loyal", "Low Value", "At Risk"), 10
    )
    [chosen] = dicts_of(lake.rows(MODEL_SELECTION))
    numbers = (f"{chosen['silhouette']:.3f}", f"{chosen['euclidean_silhouette']:.3f}")
    assert chosen["euclidean_customers"] == 40
    said = capsys.readouterr().out
    assert "160 accepted + 1 rejected + 0 duplicates" in said
    assert (
        f"  silhouette of all: {numbers[0]} (squared Euclidean), {numbers[1]} (Euclidean, of 40"
        " customers)\n"
    ) in said
    report = (tmp_path / "reports" / "2010-12-11" / "cluster_report.md").read_text()
    assert (
        f"k = 4, over all customers is {numbers[0]} with squared Euclidean distances, as everywhere"
        f" in this report; with Euclidean ones, over 40 customers, it is {numbers[1]}."
    ) in report


def test_the_five_names_and_no_others() -> None:
    assert {a.name for a in NAMES.archetypes} == FIVE
    assert {f for a in NAMES.archetypes for f in a.weights} == set(RFM)


@pytest.mark.parametrize(
    ("k", "z_scores"),
    [
        (3, {"Champions": (-0.7, 1.0, 0.5), "At Risk": (1.6, -0.4, -0.2)}
         | {"Low Value": (-0.4, -0.2, -0.2)}),
        (5, {"Champions": (-0.7, 1.7, 0.9), "Loyal": (-0.5, 0.1, 0.3)}
         | {"Regulars": (-0.6, 0.1, -0.1), "At Risk": (1.6, -0.4, -0.2)}
         | {"Low Value": (-0.4, -0.3, -0.2)}),
    ],
)  # fmt: skip
def test_other_k_are_named_as_a_person_would(
    k: int, z_scores: dict[str, tuple[float, float, float]]
) -> None:
    """Segments of the real data at k = 3 and 5, by their rounded z-scores."""
    expected = dict(enumerate(z_scores))
    assert len(expected) == k
    given = {i: dict(zip(RFM, z_scores[name], strict=True)) for i, name in expected.items()}
    found = name_segments(given, NAMES, min_score=PRESET.naming.min_score)
    assert {i: name.name for i, name in found.items()} == expected


def _real_customers() -> pd.DataFrame:
    """Recency, frequency and monetary value of the real customers, by pandas."""
    with lzma.open(REAL, "rt", newline="") as stream:
        raw = pd.read_csv(stream, dtype=str, keep_default_na=False).drop_duplicates()
    amounts = raw[["Quantity", "UnitPrice"]].astype(float)
    is_clean = (raw["CustomerID"] != "") & ~raw["InvoiceNo"].str.startswith("C")
    is_clean &= (amounts > 0).all(axis=1)
    clean = raw[is_clean].assign(
        amount=amounts.prod(axis=1), at=lambda df: pd.to_datetime(df["InvoiceDate"])
    )
    grouped = clean.groupby("CustomerID").agg(
        last=("at", "max"),
        frequency=("InvoiceNo", "nunique"),
        monetary=("amount", "sum"),
        event_count=("amount", "size"),
    )
    recency = (pd.Timestamp(date(2011, 12, 10)) - grouped["last"]).dt.days
    return grouped.assign(recency_days=recency).drop(columns="last").reset_index()


@pytest.mark.shared_data
@pytest.mark.skipif(not REAL.exists(), reason=f"{REAL} is not there")
def test_the_presets_model_finds_the_reference_segments(spark: SparkSession) -> None:
    customers = pa.Table.from_pandas(_real_customers(), preserve_index=False)
    customers = customers.rename_columns({"CustomerID": "customer_id"})
    buckets = LocalBuckets([customers.slice(0, 2_000), customers.slice(2_000)])
    model, count = (
        replace(PRESET.model, stability=StabilityConfig(bootstraps=0)),
        customers.num_rows,
    )
    sample = draw(
        buckets,
        RFM,
        min_events=model.preparation.min_events,
        informed_share=model.preparation.informed_share,
        informed_customers=count,
        size=model.fit.sample_customers,
    )

    def make_fits(matrix: np.ndarray, prepared: Preparation, scaling: str) -> MllibFits:
        return MllibFits(spark, matrix, prepared, scaling, fit_settings(model), 1)

    fitted = fit(sample, all_features(), make_fits, model)
    _, [verdict] = choose(buckets, sample, fitted, model, {})

    found = verdict.candidate.indices
    shares = sorted((size / count for size in found.sizes), reverse=True)
    assert np.round(shares, 2).tolist() == [0.44, 0.23, 0.2, 0.13]
    assert round(found.silhouette, 3) == 0.647
    assert verdict.euclidean is not None
    assert verdict.euclidean.silhouette is not None
    assert round(verdict.euclidean.silhouette, 3) == 0.474
    assert verdict.euclidean.customers == count == 4_338


@pytest.mark.heavy
@pytest.mark.shared_data
@pytest.mark.skipif(not REAL.exists(), reason=f"{REAL} is not there")
def test_the_guides_figures_of_the_whole_data_set(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    netted, strict = commands()
    run(netted, REAL, tmp_path, "--set=report.enabled=false")
    run(strict, REAL, tmp_path)
    said = capsys.readouterr().out
    [sample] = re.findall(r"```\n(Ingested.*?)```", GUIDE, re.DOTALL)
    for text in filter(None, sample.splitlines()):
        assert text in said
    # Once more with the duplicates, into the same lake: the copies are all that it adds.
    run(strict, REAL, tmp_path, "--set=sources.online_retail.duplicates=keep", "--model=fit")
    assert "541,909 records = 5,192 accepted + 144,025 rejected + 392,692 duplicates" in (
        capsys.readouterr().out
    )

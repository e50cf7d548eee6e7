"""The overview's cards, without a browser."""

from pathlib import Path

import python_lake
from python_lake import NOW, profile

from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import SEGMENT_PROFILES
from custseg_spark.interfaces.dashboard.texts import rendered
from custseg_spark.outputs.report import reading
from custseg_spark.outputs.report.palette import LIGHT


def test_a_segment_not_to_be_relied_on_is_marked_on_its_card(tmp_path: Path) -> None:
    lake = python_lake.make(tmp_path / "lake")
    of = {"algorithm": "bisecting_kmeans"}
    rows = [
        profile(NOW, 1, 3, "9", **of, is_reliable=False),
        profile(NOW, 2, 1, "0", **of, is_reliable=True),
    ]
    python_lake.add(lake, SEGMENT_PROFILES, rows, "b")
    reader = LakeReader(tmp_path / "lake").at_one_moment()
    content = reading.content(reader, NOW, reader.map_files, "bisecting_kmeans")
    page = rendered("first_screen.html.j2", content=content, reason="", theme=LIGHT, is_dark=False)
    cards = page.split('<div class="box card"')[1:]
    assert ["not to be relied on" in card for card in cards] == [True, False]

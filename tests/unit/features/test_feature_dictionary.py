"""The data dictionary is made of the features, and the committed one is that."""

from pathlib import Path

from custseg_spark.core.features import dictionary, registry

DOCS = Path(__file__).parents[3] / "docs" / "reference"


def test_the_committed_dictionary_is_the_features_own() -> None:
    assert dictionary.markdown() == (DOCS / "data_dictionary.md").read_text(encoding="utf-8")


def test_every_column_is_described_once() -> None:
    text = dictionary.markdown()
    assert all(
        text.count(f"| `{name}` | {type_} |") == 1 for name, type_ in registry.columns().items()
    )

"""The format of a lake, told by a property of its tables: which lakes this version may write."""

from typing import Final

# Said in each table at its creation. Tables of custseg-spark 0.1 say nothing.
FORMAT_PROPERTY: Final = "custseg.format"
FORMAT: Final = "2"


def refusal(table: str, lake: str) -> str:
    """What is said of a lake of 0.1: why it isn't written, and how to go on."""
    return (
        f"{table} was made by custseg-spark 0.1, whose event ids are others: make a new lake of"
        " the sources. Its segments get the ids and names of this one's by"
        f" custseg segment --lake NEW_LAKE --continue-from {lake}"
    )

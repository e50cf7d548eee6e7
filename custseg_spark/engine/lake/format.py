"""The format of a lake, a property of its tables that says whether this version may write it."""

from typing import Final

# Set in each table at its creation. Tables of custseg-spark 0.1 lack it.
FORMAT_PROPERTY: Final = "custseg.format"
FORMAT: Final = "2"


def refusal(table: str, lake: str) -> str:
    """Explain why a lake of 0.1 isn't written, and how to continue."""
    return (
        f"{table} was made by custseg-spark 0.1, whose event ids are others: make a new lake of"
        " the sources. Its segments get the ids and names of this one's by"
        f" custseg segment --lake NEW_LAKE --continue-from {lake}"
    )

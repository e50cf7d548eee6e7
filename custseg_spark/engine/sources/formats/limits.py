"""How much a compressed file may hold: what unpacks to far more was made to fill a machine.

A log of events packs ten- to thirtyfold, hundredfold where its values hardly change.
"""

from collections.abc import Iterable, Iterator

from custseg_spark.errors import InputError

# Below it a ratio says nothing: a short text of one letter is no danger.
HARMLESS_BYTES = 1 << 28
MOST_TIMES = 200
# Of one file; a larger log comes in parts.
MOST_BYTES = 1 << 39


def check(packed: int, unpacked: int, what: str) -> None:
    """Raise InputError where so many bytes can't honestly have come of that few."""
    if unpacked > HARMLESS_BYTES and unpacked > MOST_TIMES * packed:
        raise InputError(
            f"{what} unpacks to more than {MOST_TIMES} times its {packed:,} bytes; no log does:"
            " unpack it yourself if it is one"
        )
    if unpacked > MOST_BYTES:
        raise InputError(
            f"{what} unpacks to more than {MOST_BYTES:,} bytes; cut it into several files"
        )


def limited(blocks: Iterable[bytes], packed: int, what: str) -> Iterator[bytes]:
    """The unpacked blocks of `packed` bytes. Raises InputError as `check` does."""
    unpacked = 0
    for block in blocks:
        unpacked += len(block)
        check(packed, unpacked, what)
        yield block

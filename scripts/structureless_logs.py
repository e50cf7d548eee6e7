"""How often "no segments here" is right: logs without types, and logs with the planted ones.

Prints by kind of log how many are called a continuum, and the gaps. Logs without types have one
type, at the mean of the planted ones, with their spread or twice as much. No JVM starts.
"""

import argparse
from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np
from trust import logs

from custseg_spark.core.clustering import continuum

_END = date(2019, 11, 30)


def kinds() -> dict[str, tuple[dict[str, tuple[float, ...]] | None, float]]:
    """The types and the factor of the spread by kind of log; None: the planted types."""
    types = np.array(list(logs.generator().TYPES.values()))
    mean = np.average(types, axis=0, weights=types[:, 0])
    one = {"one": (1.0, *mean[1:].tolist())}
    return {"planted types": (None, 1.0), "one type": (one, 1.0), "one wide type": (one, 2.0)}


def gaps(
    kind: tuple[dict[str, tuple[float, ...]] | None, float], seeds: Sequence[int], events: int
) -> Iterator[continuum.Structure]:
    """The test's result for the log of each seed."""
    types, factor = kind
    for seed in seeds:
        size = ["--events", str(events), "--customers", str(events // 10), "--seed", str(seed)]
        spread = logs.generator().SPREAD * factor
        with logs.generated(size, types, spread) as log:
            customers = log.features(_END)
        points = logs.space_of(customers).points(logs.informed(customers))
        rows = np.random.default_rng(seed).permutation(len(points))[: continuum.POINTS]
        structure = continuum.structure(np.asfortranarray(points[rows]), seed)
        assert structure is not None
        yield structure


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--logs", type=int, default=100, help="logs of each kind (%(default)s)")
    parser.add_argument("--events", type=int, default=60_000, help="of each log (%(default)s)")
    options = parser.parse_args(argv)
    for name, kind in kinds().items():
        structures = list(gaps(kind, range(options.logs), options.events))
        continua = sum(one.is_continuum for one in structures)
        size = np.array([one.gap for one in structures])
        print(
            f"{name}: {continua} of {len(structures)} are called a continuum;"
            f" gap {size.min():.3f} to {size.max():.3f}, median {np.median(size):.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()

"""Squared distances and sums by label, added in one order whatever the shape of a batch.

A point's distance is added dimension by dimension, as by MLlib's `Vectors.sqdist`, and depends on
no other point. Sums by label are added row by row. No BLAS. Points are rows (n x d); columns of
column-major arrays are read without a stride.
"""

from collections.abc import Iterator

import numpy as np

# Distances of so many rows to a dozen centres fit into the processor's cache.
BLOCK_ROWS = 8192


def blocks(rows: int) -> Iterator[slice]:
    """Yield slices of BLOCK_ROWS rows; the last may be shorter."""
    for start in range(0, rows, BLOCK_ROWS):
        yield slice(start, min(start + BLOCK_ROWS, rows))


def squared_lengths(vectors: np.ndarray) -> np.ndarray:
    """Return the squared length of each row."""
    [lengths] = squared_distances(vectors, np.zeros((1, vectors.shape[1])))
    return np.asarray(lengths)


def squared_distances(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return squared Euclidean distances, centres x points."""
    squares = np.zeros((len(centres), len(points)))
    gap = np.empty(len(points))
    for dimension in range(points.shape[1]):
        column = np.ascontiguousarray(points[:, dimension])
        for row, centre in zip(squares, centres[:, dimension], strict=True):
            np.subtract(column, centre, out=gap)
            gap *= gap
            row += gap
    return squares


def nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return each point's nearest centre, the first of equally near ones."""
    labels = np.empty(len(points), dtype=np.intp)
    for rows in blocks(len(points)):
        labels[rows] = first_smallest(squared_distances(points[rows], centres))
    return labels


def first_smallest(values: np.ndarray) -> np.ndarray:
    """Return by column the row of the smallest value, the first of equal ones."""
    smallest, places = values[0].copy(), np.zeros(values.shape[1], dtype=np.intp)
    for place, row in enumerate(values[1:], start=1):
        np.copyto(places, place, where=row < smallest)
        np.minimum(smallest, row, out=smallest)
    return places


def sums_by_label(values: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Sum each label's values in the order of the rows."""
    return np.bincount(labels, weights=values, minlength=k)


def column_sums_by_label(points: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Sum each label's points, k x d, in the order of the rows."""
    columns = [sums_by_label(points[:, j], labels, k) for j in range(points.shape[1])]
    return np.column_stack(columns)

"""Sample customers by a hash of the id: the same customers in each run, engine and language."""

import polars as pl
import polars_hash as plh

HASH_STEPS = 1_000_000
_SEED = 42


def hash_step(customer_id: str, seed: int = _SEED) -> pl.Expr:
    """Return the position of each id among `HASH_STEPS` equal steps: xxHash64 (seed 42, as
    Spark's), modulo.
    """
    hashed = plh.col(customer_id).nchash.xxhash64(seed=seed).reinterpret(signed=True)
    step: pl.Expr = hashed % pl.lit(HASH_STEPS, pl.Int64)
    return step.cast(pl.Int32)


def sampled_steps(size: int, customers: int) -> int:
    """Return the bound of `hash_step` below which about `size` customers lie (all, if `size`
    suffices).
    """
    if customers <= size:
        return HASH_STEPS
    return max(1, round(size / customers * HASH_STEPS))

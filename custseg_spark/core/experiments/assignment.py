"""Hold customers back from a campaign by a hash of label and id: the same anywhere at any time.

The label is the salt: each campaign holds back other customers, independently of other campaigns.
"""

import polars as pl

from custseg_spark.core.sessions.buckets import text_hash, text_key

# Shares are whole numbers of these steps.
STEPS = 1_000_000


def held_back(customer_ids: pl.Series, label: str, share: float) -> pl.Series:
    """Return for each id whether a campaign holds the customer back.

    Equal to Spark's `pmod(xxhash64(label, customer_id), STEPS) < share * STEPS`: there the hash of
    the first value is the seed of the second's.
    """
    salt = pl.DataFrame({"label": [label]}).select(text_hash("label")).item()
    step = text_key("id", salt) % STEPS
    chosen = customer_ids.rename("id").to_frame().select(step < round(share * STEPS))
    return chosen.to_series().rename(customer_ids.name)

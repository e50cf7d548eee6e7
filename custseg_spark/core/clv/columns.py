"""The columns of lifetime value: type and meaning. Free of SciPy, which kernels need not load."""

CLV_DOCS = {
    "expected_purchases_90d": (
        "double",
        "Purchase days expected in the 90 days from the run date on (BG/NBD). Null: never bought,"
        " or the model didn't converge.",
    ),
    "p_alive": (
        "double",
        "Chance that the buyer hasn't dropped out for good (BG/NBD); 1 for a single purchase day,"
        " as the model lets nobody drop out before the second. Null as expected_purchases_90d.",
    ),
    "clv_12m": (
        "double",
        "Spend expected in the 12 months of 30 days from the run date on, before returns and"
        " costs: expected purchase days of each month x expected spend a purchase day"
        " (Gamma-Gamma), discounted by clv.monthly_discount_rate for each month up to its end."
        " Null: never bought, or a model didn't converge.",
    ),
}

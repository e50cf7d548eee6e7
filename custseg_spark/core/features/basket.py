"""What a customer's orders look like. An item is a purchase line, an order that of `frequency`."""

import numpy as np

from custseg_spark.core.features.exact import MONEY_UNITS, Doubles, difference_of_products
from custseg_spark.core.features.feature import Family, Feature, ratio_or_null
from custseg_spark.core.features.rfm import frequency
from custseg_spark.core.features.totals import Totals


def _order_value_stddev(totals: Totals) -> Doubles:
    # Whole numbers up to the square root, because doubles would lose the digits of the difference.
    orders, values, squares = (
        frequency(totals),
        totals.baskets.values(),
        totals.baskets.squares(),
    )
    scaled = difference_of_products(orders, squares, values, values, 1)
    return ratio_or_null(np.sqrt(np.maximum(scaled, 0)), orders * MONEY_UNITS)


def _single_item_order_share(totals: Totals) -> Doubles:
    orders = totals.items.order
    single = np.bincount(orders.owner[orders.n == 1], minlength=orders.owners)
    return ratio_or_null(single, orders.distinct())


BASKET = Family(
    "basket",
    (
        Feature(
            "items_per_order",
            "double",
            "purchase_count / frequency: purchase lines an order. Null: never bought.",
            lambda totals: ratio_or_null(totals.items.order.total(), frequency(totals)),
            log1p=True,
            null="median",
        ),
        Feature(
            "products_per_order",
            "double",
            "Mean distinct products of an order; lines without a product id are none. Null: never"
            " bought.",
            lambda totals: ratio_or_null(totals.items.order_products.distinct(), frequency(totals)),
            log1p=True,
            null="median",
        ),
        Feature(
            "quantity_per_order",
            "double",
            "Quantities of all purchases / frequency. Null: never bought.",
            lambda totals: ratio_or_null(totals.baskets.quantities(), frequency(totals)),
            log1p=True,
            null="median",
        ),
        Feature(
            "order_value_stddev",
            "double",
            "Population standard deviation of the orders' values (purchases net of discounts,"
            " before returns); 0 for a single order. Null: never bought.",
            _order_value_stddev,
            log1p=True,
            null="median",
        ),
        Feature(
            "single_item_order_share",
            "double",
            "Orders of a single purchase line / frequency. Null: never bought.",
            _single_item_order_share,
            null="median",
        ),
    ),
)

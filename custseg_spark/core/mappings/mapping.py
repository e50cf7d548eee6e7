"""A mapping: how a source's columns become the canonical ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# What a mapping can fill; the rest of an event (ids, dates, provenance) is ours to set. The net
# amount isn't kept: it tells whether the other amounts are what they seem.
EVENT_COLUMNS = (
    "event_at",
    "event_type",
    "customer_id",
    "product_id",
    "category_id",
    "category_code",
    "brand",
    "unit_price",
    "quantity",
    "discount",
    "net_amount",
    "session_id",
    "order_id",
    "store",
)
# The same for a source of customer attributes.
CUSTOMER_COLUMNS = (
    "customer_id",
    "name",
    "age",
    "income",
    "gender",
    "education",
    "occupation",
    "zip_code",
)
FILLS = {"events": EVENT_COLUMNS, "customers": CUSTOMER_COLUMNS}


@dataclass(frozen=True)
class Returns:
    """What makes a purchase a return: how its order id begins, a quantity or net amount below 0."""

    order_id_prefix: str = ""
    negative_quantity: bool = False
    negative_net_amount: bool = False


@dataclass(frozen=True)
class SourceMapping:
    """How one kind of source is read. `columns` maps canonical names to the source's.

    `fills` is the table that its records go to. `event_type` is what every record is, where no
    column says it. `whole_numbers` are columns whose 17850.0 means 17850. `record_is_order`: a
    record without an order id is an order of its own. `nested` names the key of a JSON array's
    objects under which their records are. `amount_tolerance` is how far a net amount may be from
    what price, quantity and discount make of it.
    """

    name: str
    columns: Mapping[str, str]
    fills: str = "events"
    event_at_formats: tuple[str, ...] = ()
    event_types: Mapping[str, str] = field(default_factory=dict)
    event_type: str = ""
    returns: Returns = Returns()
    cleaning: str = "standard"
    duplicates: str = "drop"
    description: str = ""
    table: str = ""
    delimiter: str = ","
    multiline: bool = False
    nested: str = ""
    record_is_order: bool = False
    integer_columns: tuple[str, ...] = ()
    whole_numbers: tuple[str, ...] = ()
    optional_columns: tuple[str, ...] = ()
    amount_tolerance: float = 0.01

    @property
    def canonical(self) -> tuple[str, ...]:
        """The canonical columns of the table that it fills."""
        return FILLS[self.fills]

    @property
    def required_source_columns(self) -> tuple[str, ...]:
        """The source columns that a file must have."""
        return tuple(s for c, s in self.columns.items() if c not in self.optional_columns)

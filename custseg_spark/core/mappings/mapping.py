"""A mapping translates a source's columns into the canonical ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# The columns that a mapping can fill; the ingest sets an event's ids, dates and provenance. The net
# amount isn't kept: it checks the other amounts.
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
# The columns that a mapping of customer attributes can fill.
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
# Columns with ids: their texts are never read as numbers.
ID_COLUMNS = ("customer_id", "product_id", "category_id", "session_id", "order_id")
# Words that programs write for a missing id, in any case. Not NA: a country's code.
MISSING_IDS = (
    *("nan", "null", "none", "undefined", "\\N", "n/a", "#n/a", "<na>"),
    *("(null)", "[null]", "(not set)"),
)
# A delimiter that isn't a character: runs of blanks and tabs.
WHITESPACE = "whitespace"


@dataclass(frozen=True)
class Returns:
    """Signs of a return: the beginning of its order id, a negative quantity or net amount."""

    order_id_prefix: str = ""
    negative_quantity: bool = False
    negative_net_amount: bool = False


@dataclass(frozen=True)
class SourceMapping:
    """How to read one kind of source. `columns` maps canonical names to the source's.

    `fills` is the table that its records go to. `event_type` is the type of every record, if no
    column has it; records of `ignored_event_types` are dropped. `whole_numbers` are columns whose
    17850.0 means 17850, as it does in any id. `missing_values` stand for no value in ids and other
    texts, and in `optional_columns`. `scientific_ids`: 1.5E+18 is an id, not an id that a
    spreadsheet has rounded. `record_is_order`: a record without an order id is an order of its own.
    `nested` names the key of a JSON object, or the column, that holds the records. A column may be
    a path, `items.price`, into nested values.

    Amounts: `decimal` and `thousands` are their signs. `unit_price_is` "line_total": the price
    column has the cost of a whole line, after its discount. `discount_is` "share": a share of the
    price. `amount_tolerance` is how far a net amount may be from price x quantity less discount.

    Times without a zone are of `timezone`. Times that its clocks skip or repeat are refused, unless
    `timezone_gaps` ("forward") and `timezone_folds` ("earlier", "later") say otherwise.

    Text: `delimiter` is a character or WHITESPACE, `widths` are for columns of fixed width.
    `columns_without_header` names the columns of a file without a header; `header_row` is the row
    of the header, 0 for the first that isn't blank. `sheets` are names of a workbook's sheets, or
    "all" for every sheet that fits.
    """

    name: str
    columns: Mapping[str, str]
    fills: str = "events"
    event_at_formats: tuple[str, ...] = ()
    event_types: Mapping[str, str] = field(default_factory=dict)
    event_type: str = ""
    ignored_event_types: tuple[str, ...] = ()
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
    missing_values: tuple[str, ...] = MISSING_IDS
    scientific_ids: bool = False
    decimal: str = "."
    thousands: str = ""
    unit_price_is: str = "unit"
    discount_is: str = "amount"
    amount_tolerance: float = 0.01
    timezone: str = "UTC"
    timezone_gaps: str = "refuse"
    timezone_folds: str = "refuse"
    columns_without_header: tuple[str, ...] = ()
    header_row: int = 0
    widths: tuple[int, ...] = ()
    sheets: tuple[str, ...] = ()

    @property
    def canonical(self) -> tuple[str, ...]:
        """The canonical columns of the table that the mapping fills."""
        return FILLS[self.fills]

    @property
    def explodes(self) -> bool:
        """Whether records are within `nested`, and columns of the mapping are paths into it."""
        inside = f"{self.nested}."
        return bool(self.nested) and any(c.startswith(inside) for c in self.columns.values())

    @property
    def required_source_columns(self) -> tuple[str, ...]:
        """The source columns that a file must have."""
        return tuple(s for c, s in self.columns.items() if c not in self.optional_columns)

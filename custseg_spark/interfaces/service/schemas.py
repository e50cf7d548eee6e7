"""The requests and answers of the service, as in OpenAPI."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(min_length=1, max_length=1_000)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Amount = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=28, decimal_places=10)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CustomerFeatures(_Strict):
    """A customer's features by their names in `customer_features`; null for a missing one."""

    customer_id: Text | None = None
    features: dict[str, Number | None]


class FeaturesRequest(_Strict):
    """Customers to score by their features; `algorithm` is by default the run's main one."""

    customers: list[CustomerFeatures] = Field(min_length=1)
    algorithm: str | None = None


class Event(_Strict):
    """An event of a customer. A time without a zone is in UTC."""

    customer_id: Text
    event_at: datetime
    event_type: Literal["view", "cart", "purchase", "return"]
    product_id: Text | None = None
    category_id: Text | None = None
    category_code: Text | None = None
    brand: Text | None = None
    unit_price: Amount | None = None
    quantity: int | None = Field(default=None, ge=-(2**31), le=2**31)
    discount: Amount | None = None
    session_id: Text | None = None
    order_id: Text | None = None
    store: Text | None = None


class EventsRequest(_Strict):
    """All events of some customers; those before `as_of` 00:00 UTC count (default: the run date).

    Equal events count once.
    """

    events: list[Event] = Field(min_length=1)
    as_of: date | None = None
    algorithm: str | None = None


class ModelVersion(BaseModel):
    """The model that answered: the latest run's model, fitted by the run of `fitted_on`."""

    run_date: date
    algorithm: str
    fitted_on: date


class Scored(BaseModel):
    """A customer's segment.

    `margin`: how much farther the second segment's centre is. `reasons`: the features that speak
    most for the segment and against the second. `is_outlier`: too far from the centre to fit the
    segment; null if the model has no such distance. A customer of whom too little is known (segment
    -1) has neither distance nor margin.
    """

    customer_id: str | None
    cluster: int
    segment_id: int
    segment_name: str
    distance: float | None
    second_segment_id: int | None
    second_segment_name: str | None
    margin: float | None
    reasons: list[str]
    is_outlier: bool | None = None


class ScoredCustomers(BaseModel):
    """The answer to a request for scores; customers `without_events` had none before the date."""

    model: ModelVersion
    customers: list[Scored]
    without_events: list[str] = []


class Customer(BaseModel):
    """A customer's row in `customer_segments`."""

    customer_id: str
    run_date: date
    algorithm: str
    segment_id: int
    segment_name: str
    distance: float | None
    second_segment_id: int | None
    margin: float | None
    reasons: list[str]
    rfm_group: str | None


class Segment(BaseModel):
    """A living segment of a run."""

    run_date: date
    algorithm: str
    segment_id: int
    segment_name: str
    customers: int
    customer_share: float | None
    revenue: Decimal | None
    revenue_share: float | None
    actions: list[str]
    status: str | None


class Run(BaseModel):
    """A run of the lake."""

    run_date: date
    model_use: str | None
    model_reason: str | None
    fitted_on: date | None
    algorithms: list[str]
    warnings: list[str]
    finished_at: datetime | None


class Flaw(BaseModel):
    """A flaw of a request: the row (the first is 1), the field, the value, and the expectation."""

    row: int | None
    field: str
    value: str | None
    expected: str


class Flaws(BaseModel):
    """The reasons why a request is refused."""

    detail: list[Flaw]


class State(BaseModel):
    """Whether the service can score, and by which run."""

    ready: bool
    run_date: date | None = None

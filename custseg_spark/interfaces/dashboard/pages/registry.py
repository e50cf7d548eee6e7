"""The pages by their path in the address, in the order of the navigation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from custseg_spark.interfaces.dashboard.pages import (
    customer,
    download,
    movement,
    overview,
    purchases,
    quality,
    segments,
    try_it,
)


@dataclass(frozen=True)
class Page:
    """A page: its title and icon in the navigation, and the function that draws it."""

    title: str
    icon: str
    show: Callable[[], None]


PAGES: Mapping[str, Page] = {
    "": Page("Overview", ":material/dashboard:", overview.show),
    "segments": Page("Segments", ":material/donut_small:", segments.show),
    "purchases": Page("Purchases", ":material/shopping_basket:", purchases.show),
    "movement": Page("Movement", ":material/swap_horiz:", movement.show),
    "customer": Page("One customer", ":material/person_search:", customer.show),
    "quality": Page("Data quality", ":material/fact_check:", quality.show),
    "download": Page("Download", ":material/download:", download.show),
    "try": Page("Try a file", ":material/upload_file:", try_it.show),
}

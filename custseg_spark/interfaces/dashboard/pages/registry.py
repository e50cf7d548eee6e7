"""The pages by their path in the address, in the order of the navigation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from custseg_spark.interfaces.dashboard.pages import overview


@dataclass(frozen=True)
class Page:
    """A page: its title and icon in the navigation, and what draws it."""

    title: str
    icon: str
    show: Callable[[], None]


PAGES: Mapping[str, Page] = {
    "": Page("Overview", ":material/dashboard:", overview.show),
}

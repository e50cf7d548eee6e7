"""The pages by their path in the address, in the order of the navigation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from custseg_spark.interfaces.dashboard.pages import overview, try_it


@dataclass(frozen=True)
class Page:
    """A page: its title and icon in the navigation, and what draws it."""

    title: str
    icon: str
    show: Callable[[], None]


PAGES: Mapping[str, Page] = {
    "": Page("Overview", ":material/dashboard:", overview.show),
    "try": Page("Try a file", ":material/upload_file:", try_it.show),
}

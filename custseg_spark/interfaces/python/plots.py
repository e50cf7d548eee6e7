"""The report's pictures as figures."""

from matplotlib.figure import Figure

from custseg_spark.errors import InputError
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.palette import DARK, LIGHT
from custseg_spark.outputs.report.pictures import PICTURES

THEMES = {"light": LIGHT, "dark": DARK}


class Plots:
    """A run's pictures, each a matplotlib Figure, which a notebook shows and `savefig` saves.

    Each raises InputError if the run's tables have nothing to draw. `theme`: light or dark.
    """

    def __init__(self, content: Content):
        self._content = content

    def sizes(self, *, theme: str = "light") -> Figure:
        """Draw bars: each segment's share of customers and of revenue."""
        return self._drawn("cluster_distribution", theme)

    def profiles(self, *, theme: str = "light") -> Figure:
        """Draw a heat map: segments x features, in standard deviations from the mean of all."""
        return self._drawn("cluster_profiles", theme)

    def map(self, *, theme: str = "light") -> Figure:
        """Draw a sample of customers on the first two principal components, by segment."""
        return self._drawn("pca_clusters_2d", theme)

    def choice_of_k(self, *, theme: str = "light") -> Figure:
        """Draw the indices of each tried number of segments; the chosen one is ringed."""
        return self._drawn("k_selection", theme)

    def rfm(self, *, theme: str = "light") -> Figure:
        """Draw a heat map: buyers by recency and frequency score."""
        return self._drawn("rfm_heat_map", theme)

    def seasons(self, *, theme: str = "light") -> Figure:
        """A heat map: purchases of months and weekdays compared with a usual day, by segment."""
        return self._drawn("season_indices", theme, "four weeks with purchases")

    def migration(self, *, theme: str = "light") -> Figure:
        """Draw the customers' moves between segments since the run before."""
        return self._drawn("migration_flow", theme, "an earlier run")

    def drift(self, *, theme: str = "light") -> Figure:
        """Draw the drift of features since the run before."""
        return self._drawn("drift", theme, "an earlier run")

    def lifetime_value(self, *, theme: str = "light") -> Figure:
        """Draw the hold-out test of customer lifetime value: expected and actual."""
        return self._drawn("lifetime_value", theme, "a hold-out test (clv_models.why)")

    def _drawn(self, name: str, theme: str, needed: str = "") -> Figure:
        if theme not in THEMES:
            raise InputError(f"theme: expected light or dark, got '{theme}'")
        figure = PICTURES[name](self._content, THEMES[theme])
        if figure is None:
            raise InputError(
                f"the run of {self._content.run.run_date} has nothing to draw for {name}"
                f"{needed and f'; it takes {needed}'}"
            )
        return figure

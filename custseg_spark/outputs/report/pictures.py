"""The report's pictures by name, drawn for a theme."""

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from custseg_spark.outputs.report import bars, curves, flow, maps, rhythms, season_maps, seasons
from custseg_spark.outputs.report.canvas import png
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.palette import Theme

# A picture is None if the tables have nothing to draw.
PICTURES: Mapping[str, Callable[[Content, Theme], Figure | None]] = {
    "raw_events": rhythms.events,
    "cluster_distribution": bars.distribution,
    "cluster_profiles": maps.profiles,
    "pca_clusters_2d": maps.plane,
    "k_selection": curves.selection,
    "rfm_heat_map": maps.rfm,
    seasons.PICTURE: season_maps.indices,
    "migration_flow": flow.migration,
    "drift": bars.drift,
    "lifetime_value": curves.lifetime_value,
}


def draw(content: Content, theme: Theme) -> dict[str, bytes]:
    """Return the PNG of each picture that has something to draw."""
    figures = {name: make(content, theme) for name, make in PICTURES.items()}
    return {name: png(figure) for name, figure in figures.items() if figure is not None}

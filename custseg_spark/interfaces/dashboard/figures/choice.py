"""The indices of each tried number of segments."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from custseg_spark.interfaces.dashboard.figures.base import laid_out
from custseg_spark.outputs.report import words
from custseg_spark.outputs.report.palette import COLOURS
from custseg_spark.outputs.report.rows import Candidate

INDICES: Mapping[str, str] = {
    "informed_silhouette": "silhouette, informed customers (higher is better)",
    "silhouette": "silhouette, all customers (higher is better)",
    "davies_bouldin": "Davies–Bouldin (lower is better)",
    "within_cluster_cost": "cost within clusters (look for the elbow)",
    "stability": "stability (higher is better)",
    "smallest_share": "share of the smallest segment",
}


def choice(tried: Sequence[Candidate], index: str, least: float | None) -> go.Figure:
    """Draw an index over k, a line per algorithm, the chosen k ringed."""
    lines = []
    for place, algorithm in enumerate(dict.fromkeys(c.algorithm for c in tried)):
        of_algorithm = [c for c in tried if c.algorithm == algorithm]
        lines.append(
            go.Scatter(
                name=words.algorithm(algorithm),
                x=[c.k for c in of_algorithm],
                y=[getattr(c, index) for c in of_algorithm],
                mode="lines+markers",
                line={"color": COLOURS[place]},
                marker={
                    "size": [15 if c.chosen else 7 for c in of_algorithm],
                    "symbol": ["circle-open-dot" if c.chosen else "circle" for c in of_algorithm],
                    "line": {"width": [2 if c.chosen else 0 for c in of_algorithm]},
                },
                hovertemplate="k = %{x}: %{y:.4g}<extra>" + words.algorithm(algorithm) + "</extra>",
            )
        )
    figure = laid_out(go.Figure(lines), 330)
    if least is not None:
        figure.add_hline(y=least, line_dash="dot", line_color="#88909a")
    figure.update_xaxes(title="number of segments, k (ringed: chosen)", dtick=1)
    return figure.update_yaxes(tickformat=".0%" if index == "smallest_share" else None)

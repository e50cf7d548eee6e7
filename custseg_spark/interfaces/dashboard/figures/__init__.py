"""Plotly figures of what a run's tables hold; each function takes rows and gives a figure."""

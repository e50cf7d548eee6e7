"""Plotly figures of a run's tables; each function takes rows and returns a figure."""

"""The script that Streamlit runs for each visitor and each change."""

from custseg_spark.interfaces.dashboard.frame import show

show()

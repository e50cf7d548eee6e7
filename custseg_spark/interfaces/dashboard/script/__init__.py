"""The script, in a folder without `pages`: Streamlit would take that for its own navigation."""

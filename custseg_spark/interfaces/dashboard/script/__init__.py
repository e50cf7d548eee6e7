"""The script, in a folder without `pages`, which Streamlit would use for its own navigation."""

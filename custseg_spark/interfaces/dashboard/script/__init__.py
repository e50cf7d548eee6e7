"""The script in a folder without `pages`, which Streamlit would take for a navigation of its own."""

"""The script, in a folder without `pages`: Streamlit would make a navigation of one."""

"""The lake: tables declared once in Arrow, read and committed."""

"""Read a lake for pages: only the columns they need of published runs, cached until it changes."""

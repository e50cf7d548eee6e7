"""How the kernels run at any size: Spark's tasks, Delta tables, sources."""

"""The Python API: what `import custseg_spark` offers, each part in a module of its own.

`running` and `Segmentation.customers()` need Spark; all else reads a lake in a folder without it.
"""

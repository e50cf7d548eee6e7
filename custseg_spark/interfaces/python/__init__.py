"""The Python API: the contents of `import custseg_spark`, each part in its own module.

`running` and `Segmentation.customers()` need Spark; all other parts read a lake in a folder without
it.
"""

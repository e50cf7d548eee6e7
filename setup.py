"""Adds conf/ to the package, which pyproject.toml has no words for; all else stands there."""

from setuptools import find_packages, setup

# conf/ stands at the top, where people edit it; the wheel has it as custseg_spark/conf.
setup(
    packages=[*find_packages(include=["custseg_spark", "custseg_spark.*"]), "custseg_spark.conf"],
    package_dir={"custseg_spark.conf": "conf"},
)

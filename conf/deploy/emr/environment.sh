#!/bin/sh
# Makes environment.tar.gz in the current folder: the libraries that emr-spark-8.0 lacks, for
# emr_submit.py --environment. Run it where Python is what it is on EMR, in Amazon Linux 2023:
#   docker run --rm -v "$PWD:/work" -w /work amazonlinux:2023 sh conf/deploy/emr/environment.sh
set -eu
dnf install -y python3.11 python3.11-pip tar gzip
python3.11 -m venv /tmp/environment
# The pins but Spark and Delta: EMR has its own, of its own versions.
grep -vE '^(pyspark|delta-spark|py4j|importlib-metadata|zipp)==' requirements.txt >/tmp/pins.txt
/tmp/environment/bin/pip install --no-deps -r /tmp/pins.txt
# Delta's Python side, of the version of EMR's jars.
/tmp/environment/bin/pip install --no-deps delta-spark==4.0.0 importlib-metadata zipp
/tmp/environment/bin/pip install venv-pack==0.2.0
/tmp/environment/bin/venv-pack --prefix /tmp/environment --output environment.tar.gz --force

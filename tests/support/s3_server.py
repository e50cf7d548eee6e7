"""A server that speaks S3, on loopback, and a bucket in it that the tests' session reaches."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto.server import ThreadedMotoServer
from pyspark.sql import SparkSession

NAME = "shop"


class Bucket:
    """A bucket, as another program sees it."""

    def __init__(self, endpoint: str) -> None:
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self._client.create_bucket(Bucket=NAME)

    def uri(self, key: str = "") -> str:
        return f"s3a://{NAME}/{key}"

    def put(self, key: str, content: bytes) -> str:
        self._client.put_object(Bucket=NAME, Key=key, Body=content)
        return self.uri(key)

    def get(self, key: str) -> bytes:
        return bytes(self._client.get_object(Bucket=NAME, Key=key)["Body"].read())

    def keys(self, prefix: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=NAME, Prefix=prefix)
        return sorted(o["Key"] for page in pages for o in page.get("Contents", []))


def options(endpoint: str) -> dict[str, str]:
    """What Hadoop must be told of the bucket, and only of it."""
    given = {
        "endpoint": endpoint,
        "endpoint.region": "us-east-1",
        "path.style.access": "true",
        "connection.ssl.enabled": "false",
        "access.key": "test",
        "secret.key": "test",
        "aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
    }
    return {f"fs.s3a.bucket.{NAME}.{key}": value for key, value in given.items()}


@contextmanager
def started(spark: SparkSession) -> Iterator[Bucket]:
    """The bucket, for the block."""
    # A line a request, thousands of them, would hide what a failed test has to say.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        context: Any = spark.sparkContext
        for key, value in options(endpoint).items():
            context._jsc.hadoopConfiguration().set(key, value)
        yield Bucket(endpoint)
    finally:
        server.stop()

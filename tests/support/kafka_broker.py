"""A Kafka broker on loopback: one process in KRaft mode, from the jars of scripts/kafka_jars.sh."""

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from checkout import ROOT, SPARK
from spark_cluster import free_port

JARS = ROOT / ".jars-kafka"
HAS_KAFKA = any(JARS.glob("org.apache.kafka_kafka_2.13-*.jar"))
# Of Spark's source, as `--packages` would bring them.
_SOURCE = (
    "org.apache.spark_spark-sql-kafka-*",
    "org.apache.spark_spark-token-provider-kafka-*",
    "org.apache.kafka_kafka-clients-*",
    "org.apache.commons_commons-pool2-*",
)
_STARTED_S = 60
# Spark's own way to fetch packages leaves out what Spark has.
_CLASS_PATH = ":".join([f"{JARS}/*", *map(str, (SPARK / "jars").glob("scala-*.jar"))])


def source_jars() -> str:
    """The jars of Spark's source, for `--jars`."""
    return ",".join(str(next(JARS.glob(pattern))) for pattern in _SOURCE)


@dataclass(frozen=True)
class Broker:
    """A running broker."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"127.0.0.1:{self.port}"

    def tool(self, name: str, *words: str, given: str = "") -> str:
        """What one of Kafka's own programs says."""
        done = subprocess.run(
            ["java", "-cp", _CLASS_PATH, name, *words],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def create(self, topic: str, partitions: int) -> None:
        """Makes a topic."""
        words = ("--create", "--topic", topic, "--partitions", str(partitions))
        name = "org.apache.kafka.tools.TopicCommand"
        self.tool(name, "--bootstrap-server", self.url, *words)

    def send(self, topic: str, messages: Sequence[str]) -> None:
        """Sends messages, a line each."""
        text = "".join(f"{message}\n" for message in messages)
        words = ("--bootstrap-server", self.url, "--topic", topic)
        self.tool("kafka.tools.ConsoleProducer", *words, given=text)


@contextmanager
def started(folder: Path) -> Iterator[Broker]:
    """A broker for the block, with its files in the folder."""
    port, control = free_port(), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    properties = folder / "server.properties"
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{control}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{control}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(folder / "logs"),
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
    }
    properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    broker = Broker(port, folder)
    words = ("format", "--config", str(properties), "--cluster-id", "MkU3OEVBNTcwNTJENDM2Qg")
    broker.tool("kafka.tools.StorageTool", *words)
    with (folder / "broker.log").open("w") as log:
        command = ["java", "-Xmx512m", "-cp", _CLASS_PATH, "kafka.Kafka", str(properties)]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait(broker, process)
            yield broker
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait(broker: Broker, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _STARTED_S
    while time.monotonic() < until:
        assert process.poll() is None, (broker.folder / "broker.log").read_text()[-2000:]
        try:
            socket.create_connection(("127.0.0.1", broker.port), 1).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise AssertionError("the broker doesn't answer")

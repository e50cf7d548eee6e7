"""The wheel and a job's file, built here and put on S3 under names that follow their content."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# The earliest that a zip file can say: the same sources make the same bytes.
_EPOCH = "315532800"


@dataclass(frozen=True)
class Code:
    """What is put where: contents by their S3 address."""

    contents: Mapping[str, bytes]
    wheel: str
    entry_point: str


def build(job: str, folder: str) -> Code:
    """The code of a job for a folder `s3://bucket/prefix`."""
    # setuptools would put into the wheel what an earlier build left there.
    shutil.rmtree(ROOT / "build", ignore_errors=True)
    with tempfile.TemporaryDirectory() as out:
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
        subprocess.run(
            [*pip, "--wheel-dir", out, str(ROOT)],
            check=True,
            env={**os.environ, "SOURCE_DATE_EPOCH": _EPOCH},
        )
        built = next(Path(out).glob("*.whl"))
        name, wheel = built.name, built.read_bytes()
    program = (ROOT / "jobs" / f"{job}.py").read_bytes()
    version = hashlib.sha256(wheel + program).hexdigest()[:16]
    base = f"{folder.rstrip('/')}/{version}"
    addresses = (f"{base}/{name}", f"{base}/{job}.py")
    return Code(dict(zip(addresses, (wheel, program), strict=True)), *addresses)


def upload(code: Code, s3: Any) -> None:
    """Puts what isn't there yet; under a name of its content nothing else can be."""
    for address, content in code.contents.items():
        bucket, _, key = address.removeprefix("s3://").partition("/")
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
        if not listed.get("KeyCount"):
            s3.put_object(Bucket=bucket, Key=key, Body=content)

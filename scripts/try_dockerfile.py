"""Runs a Dockerfile's own steps in unpacked Debian roots, where no container engine runs.

A stage is a folder: FROM copies one, COPY copies into it, RUN runs in it by chroot. At the end
the last stage stands in FOLDER/final, and ENTRYPOINT is run in it as its USER with the arguments of
each --run, --volume being there as with an engine. As root, on Linux; BASE is a root made by
debootstrap or mmdebstrap:

    mmdebstrap --variant=minbase bookworm base
    python scripts/try_dockerfile.py conf/deploy/docker/Dockerfile base stages \
      --volume "$PWD/data/demo:/log" --run "ingest --source=ecommerce_events=/log --lake=/data/lake"

It knows no more of Dockerfiles than ours has: no variables but PATH, no wildcards, no ONBUILD.
"""

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# This machine's, as an engine would share them: names, certificates, where packages come from.
_SHARED = (
    "etc/resolv.conf",
    "etc/hosts",
    "etc/pip.conf",
    "etc/ssl/certs/ca-certificates.crt",
    "etc/ssl/certs/java/cacerts",
)

_TAKEN = ("FROM", "COPY", "RUN", "WORKDIR", "ENV", "USER", "ENTRYPOINT")
# They tell an engine how to start the image, and change nothing in it.
_TOLD = ("CMD", "EXPOSE")


@dataclass
class Stage:
    """A root folder, and what a command in it finds."""

    root: Path
    workdir: str = "/"
    user: str = "0"
    entrypoint: Sequence[str] = ()
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": _PATH})
    volumes: Sequence[str] = ()

    def inside(self, path: str) -> Path:
        """A path of the stage as one of this machine."""
        return self.root / str(Path(self.workdir) / path).lstrip("/")

    def run(self, command: Sequence[str]) -> None:
        """Runs a command in the stage. Raises CalledProcessError."""
        # Java looks at /proc. In a namespace of its own what is mounted is gone with the command.
        mounts = ["mount -t proc proc " + shlex.quote(str(self.inside("/proc")))]
        for volume in self.volumes:
            source, _, target = volume.partition(":")
            self.inside(target).mkdir(parents=True, exist_ok=True)
            mounts.append(shlex.join(["mount", "--bind", source, str(self.inside(target))]))
        mounted = ["unshare", "--mount", "/bin/sh", "-c", " && ".join([*mounts, 'exec "$0" "$@"'])]
        chroot = ["chroot", f"--userspec={self.user}:{self.user}", str(self.root)]
        # The same as WORKDIR: chroot(1) itself starts at the root.
        shell = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', self.workdir, *command]
        given = [f"{name}={value}" for name, value in self.environment.items()]
        subprocess.run([*mounted, *chroot, "/usr/bin/env", "-i", *given, *shell], check=True)


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Name and arguments of each instruction, continued lines joined, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            yield name, rest.strip()


def unknown(steps: Sequence[tuple[str, str]]) -> set[str]:
    """The names among the instructions that aren't known here."""
    return {name for name, _ in steps}.difference(_TAKEN, _TOLD)


def build(dockerfile: Path, context: Path, base: Path, folder: Path) -> Stage:
    """Every stage of the file, one after the other; returns the last."""
    stages: dict[str, Stage] = {}
    stage = Stage(base)
    steps = list(instructions(dockerfile.read_text()))
    if names := unknown(steps):
        sys.exit(f"error: unknown here: {' '.join(sorted(names))}")
    for name, rest in steps:
        print(f"{name} {rest}", flush=True)
        if name == "FROM":
            source, _, alias = rest.partition(" AS ")
            stage = _begun(stages.get(source, Stage(base)), folder / (alias or "final"))
            stages[alias or "final"] = stage
        elif name == "COPY":
            _copy(stage, rest, stages, context)
        elif name == "RUN":
            stage.run(["/bin/sh", "-c", rest])
        elif name == "WORKDIR":
            stage.workdir = rest
            stage.inside(".").mkdir(parents=True, exist_ok=True)
        elif name == "ENV":
            for key, value in re.findall(r"(\w+)=(\S+)", rest):
                stage.environment[key] = value.replace("$PATH", stage.environment["PATH"])
        elif name == "USER":
            stage.user = rest
        elif name == "ENTRYPOINT":
            stage.entrypoint = json.loads(rest)
    return stage


def _begun(source: Stage, root: Path) -> Stage:
    """A new stage that starts as another one ended."""
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["cp", "-a", f"{source.root}/.", str(root)], check=True)
    for shared in _SHARED:
        if Path("/", shared).exists():
            (root / shared).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path("/", shared), root / shared)
    for device in ("null", "urandom"):
        (root / "dev" / device).unlink(missing_ok=True)
        subprocess.run(["cp", "-a", f"/dev/{device}", str(root / "dev")], check=True)
    return Stage(root, source.workdir, source.user, (), dict(source.environment))


def _copy(stage: Stage, rest: str, stages: dict[str, Stage], context: Path) -> None:
    words = rest.split()
    source = Stage(context)
    if words[0].startswith("--from="):
        source = stages[words.pop(0).removeprefix("--from=")]
        source = Stage(source.root)
    *names, target = words
    for name in names:
        path = source.inside(name)
        into = stage.inside(target)
        if path.is_file():
            into = into / path.name if target.endswith("/") or into.is_dir() else into
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, into)
        else:
            into.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", f"{path}/.", str(into)], check=True)


def main(argv: Sequence[str]) -> None:
    """Builds and, with --run, runs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dockerfile", type=Path)
    parser.add_argument("base", type=Path, help="an unpacked Debian root")
    parser.add_argument("folder", type=Path, help="for the stages")
    parser.add_argument("--run", action="append", default=[], help="arguments of ENTRYPOINT")
    parser.add_argument("--volume", action="append", default=[], metavar="FOLDER:PATH")
    options = parser.parse_args(argv)
    folder = options.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    last = build(options.dockerfile, Path.cwd(), options.base.absolute(), folder)
    last.volumes = options.volume
    for arguments in options.run:
        last.run([*last.entrypoint, *shlex.split(arguments)])


if __name__ == "__main__":
    main(sys.argv[1:])

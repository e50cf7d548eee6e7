"""Task definitions of ECS by botocore's model of its API, and Render's Blueprint by our own check.

Render's published schema has no licence and isn't here: the check below knows the fields that the
Blueprint uses, their types and values, as Render's reference describes them.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.validate import ParamValidator
from checkout import ROOT

from custseg_spark.interfaces.cli import arguments as cli
from custseg_spark.interfaces.cli.main import COMMANDS, command

ECS = ROOT / "conf" / "deploy" / "ecs"
DEFINITIONS = sorted(path.stem for path in ECS.glob("*.json"))
RENDER = ROOT / "conf" / "deploy" / "render" / "render.yaml"
# What Fargate sells: gibibytes by CPU units.
FARGATE_GIB = {"1024": range(2, 9), "2048": range(4, 17), "4096": range(8, 31)}

client = boto3.client(
    "ecs", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b"
)
REQUEST = client.meta.service_model.operation_model("RegisterTaskDefinition").input_shape


def definition(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ECS / f"{name}.json").read_text())
    return found


def unknown_words(value: Any, shape: Shape, where: str = "") -> Iterator[str]:
    """Values that aren't among those of an enumeration: ParamValidator doesn't look."""
    if isinstance(shape, StructureShape):
        for key, inner in value.items():
            yield from unknown_words(inner, shape.members[key], f"{where}.{key}")
    elif isinstance(shape, ListShape):
        for inner in value:
            yield from unknown_words(inner, shape.member, where)
    elif isinstance(shape, MapShape):
        for inner in value.values():
            yield from unknown_words(inner, shape.value, where)
    elif (enum := getattr(shape, "enum", ())) and value not in enum:
        yield f"{where}: {value}"


def flaws(request: Mapping[str, Any]) -> list[str]:
    said = ParamValidator().validate(request, REQUEST).generate_report()
    return said.splitlines() or list(unknown_words(request, REQUEST))


@pytest.mark.parametrize("name", DEFINITIONS)
def test_ecs_would_take_the_task_definition(name: str) -> None:
    given = definition(name)
    assert not flaws(given)
    assert int(given["memory"]) / 1024 in FARGATE_GIB[given["cpu"]]
    volumes = {volume["name"] for volume in given["volumes"]}
    for container in given["containerDefinitions"]:
        assert {mount["sourceVolume"] for mount in container["mountPoints"]} <= volumes


def test_a_typo_in_a_task_definition_is_found() -> None:
    given = definition("serving")
    given["containerDefinitions"][0]["healthcheck"] = {}
    assert any("healthcheck" in flaw for flaw in flaws(given))
    given = {**definition("run"), "networkMode": "awsvpn"}
    assert flaws(given) == [".networkMode: awsvpn"]
    assert any("cpu" in flaw for flaw in flaws({**definition("run"), "cpu": 4096}))


@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_containers_commands_are_the_programs_own(name: str) -> None:
    for container in definition(name)["containerDefinitions"]:
        program, *arguments = container["command"]
        assert "--lake=/data/lake" in arguments
        if program == "segment":
            assert cli.parse("", arguments).config.lake.path == "/data/lake"
        elif program in COMMANDS:
            parser = command(program)._parser()
            assert parser.parse_args(arguments).host == "0.0.0.0"


def test_no_secret_stands_in_a_definition() -> None:
    for name in DEFINITIONS:
        for container in definition(name)["containerDefinitions"]:
            named = {each["name"] for each in container.get("environment", ())}
            assert not {each for each in named if "PASSWORD" in each or "KEY" in each}
            for secret in container.get("secrets", ()):
                assert secret["valueFrom"].startswith("arn:aws:secretsmanager:")


TEXT, NUMBER = (str,), (int,)
SERVICE: Mapping[str, tuple[Any, ...]] = {
    "type": ("web", "pserv", "worker"),
    "name": TEXT,
    "runtime": ("docker", "image", "python"),
    "dockerfilePath": TEXT,
    "dockerContext": TEXT,
    "plan": ("starter", "standard", "pro", "pro plus", "pro max", "pro ultra"),
    "region": ("oregon", "ohio", "virginia", "frankfurt", "singapore"),
    "autoDeployTrigger": ("off", "commit", "checksPass"),
    "healthCheckPath": TEXT,
    "disk": ({"name": TEXT, "mountPath": TEXT, "sizeGB": NUMBER},),
    "envVars": ([{"key": TEXT, "value": TEXT}, {"key": TEXT, "generateValue": (True,)}],),
}


def fits(value: Any, expected: tuple[Any, ...]) -> bool:
    """Whether a value is of one of the types, words or forms."""
    for one in expected:
        if isinstance(one, type) and isinstance(value, one):
            return True
        if isinstance(one, Mapping) and isinstance(value, Mapping):
            if one.keys() == value.keys() and all(fits(value[k], one[k]) for k in one):
                return True
        elif isinstance(one, list) and isinstance(value, list):
            if all(any(fits(each, (form,)) for form in one) for each in value):
                return True
        elif value == one and type(value) is type(one):
            return True
    return False


def blueprint_flaws(text: str) -> list[str]:
    blueprint = yaml.safe_load(text)
    found = [f"unknown {key}" for key in blueprint.keys() - {"services"}]
    for service in blueprint["services"]:
        found += [f"unknown {key}" for key in service.keys() - SERVICE.keys()]
        found += [
            f"{key}: {value}"
            for key, value in service.items()
            if key in SERVICE and not fits(value, SERVICE[key])
        ]
    return found


def test_the_blueprint_has_fields_that_render_knows_with_values_of_theirs() -> None:
    text = RENDER.read_text()
    assert not blueprint_flaws(text)
    assert blueprint_flaws(text.replace("healthCheckPath", "healthcheckPath"))
    assert blueprint_flaws(text.replace("frankfurt", "Frankfurt"))
    assert blueprint_flaws(text.replace("sizeGB: 20", "sizeGB: 20 GB"))
    assert blueprint_flaws(text.replace('"8501"', "8501"))


def test_the_blueprint_builds_the_image_and_asks_the_dashboard_for_its_health() -> None:
    [service] = yaml.safe_load(RENDER.read_text())["services"]
    assert Path(ROOT, service["dockerfilePath"]).samefile(ROOT / "conf/deploy/docker/Dockerfile")
    assert Path(ROOT, service["dockerContext"]).samefile(ROOT)
    command_line = (ROOT / "conf/deploy/docker/Dockerfile").read_text().rpartition("CMD ")[2]
    assert json.loads(command_line)[0] == "dashboard"
    [port] = [v["value"] for v in service["envVars"] if v["key"] == "PORT"]
    assert f"--port={port}" in json.loads(command_line)

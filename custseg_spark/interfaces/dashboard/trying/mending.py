"""A file's mapping: guessed from its first records, corrected by a person, tried on them."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from custseg_spark.config.mappings import MappingFile, mapping_of
from custseg_spark.core.mappings import guessing, proposing, shapes
from custseg_spark.core.mappings.guesses import SURE, EventTypes, Guess, Key, Line
from custseg_spark.core.mappings.mapping import EVENT_COLUMNS
from custseg_spark.core.mappings.shapes import Shape
from custseg_spark.core.mappings.time_guessing import patterns
from custseg_spark.core.mappings.type_guessing import event_types
from custseg_spark.core.mappings.vocabularies import IGNORED
from custseg_spark.engine.sources import heads
from custseg_spark.engine.sources.discovery import files
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.heads import Head
from custseg_spark.errors import ConfigurationError
from custseg_spark.interfaces import clock
from custseg_spark.interfaces.dashboard.trying.desk import MAPPING
from custseg_spark.interfaces.dashboard.trying.uploads import Upload
from custseg_spark.pipeline.preview import Preview, preview

USUAL_SHARE = 0.05
# Keys that a person chooses in the page.
_CHOSEN_KEYS = ("event_at_formats", "event_type", "timezone")
# Keys that are dropped with a column.
_KEYS_OF = {"unit_price_is": "unit_price", "discount_is": "discount"}
# The most values of a column that are offered as event types.
MOST_TYPES = 60


@dataclass(frozen=True)
class Look:
    """The first records of an upload, and the guess."""

    head: Head
    shapes: Sequence[Shape]
    guess: Guess

    def shape(self, column: str) -> Shape:
        """Return the shape of a column."""
        return next(s for s in self.shapes if s.name == column)

    def formats(self, column: str) -> list[str]:
        """Return the possible patterns of a column's times, the likeliest first."""
        shape = self.shape(column)
        return list(dict.fromkeys([*patterns(shape), *shape.other_patterns]))

    def types(self, column: str) -> dict[str, str]:
        """Return each value's event type, IGNORED, or an empty text if unknown."""
        shape = self.shape(column)
        guessed = event_types(shape)
        types = {**guessed.known, **dict.fromkeys(guessed.ignored, IGNORED)}
        values = [value for value, _ in shape.values.most_common(MOST_TYPES)]
        return {value: types.get(value, "") for value in values}


@dataclass(frozen=True)
class Mended:
    """A person's choices: `roles` are source columns by canonical column.

    `event_type` is the type of every record, empty if a column has it; then `types` has the type of
    each value. `share` is the share of records that may be refused.
    """

    roles: Mapping[str, str]
    formats: Sequence[str]
    event_type: str = ""
    types: Mapping[str, str] | None = None
    timezone: str = "UTC"
    share: float = USUAL_SHARE


def source_file(upload: Upload) -> SourceFile:
    """Return the upload as a source, under the visitor's name for it."""
    [file] = files.list_files(str(upload.path), hashes=False)
    return replace(file, called=upload.name)


def look(upload: Upload) -> Look:
    """Return the first records and a guess. Raises InputError for a file that can't be read."""
    with TemporaryDirectory(prefix="custseg-look-", dir=upload.folder) as staging:
        head = heads.head(source_file(upload), None, Path(staging))
        content = head.file.data.read_bytes()
    kept = upload.folder / "head.csv"
    kept.write_bytes(content)
    head = replace(head, file=replace(head.file, unpacked=kept))
    columns = shapes.shapes(head.columns, head.rows)
    return Look(head, columns, guessing.guess(columns))


def first_choice(seen: Look) -> Mended:
    """Return the guess as choices that a person can correct."""
    keys = {key.name: key.value for key in seen.guess.keys}
    roles = seen.guess.columns
    formats = keys.get("event_at_formats", ())
    share = _proposed_share(seen)
    if "event_type" in roles:
        types = seen.types(roles["event_type"])
        return Mended(roles, _words(formats), types=types, share=share)
    return Mended(roles, _words(formats), event_type=str(keys.get("event_type", "")), share=share)


def mapping_text(seen: Look, mended: Mended) -> str:
    """Return the mapping file of the choices. Raises ConfigurationError if a column is missing."""
    lines = {
        canonical: Line(canonical, seen.shape(mended.roles[canonical]), SURE, "chosen")
        for canonical in EVENT_COLUMNS
        if mended.roles.get(canonical)
    }
    types = EventTypes()
    if "event_type" in lines:
        lines_types = mended.types or {}
        types = EventTypes(
            {value: kind for value, kind in lines_types.items() if kind and kind != IGNORED},
            tuple(value for value, kind in lines_types.items() if kind == IGNORED),
        )
    guess = Guess(lines, types, tuple(_keys(seen, mended, lines)))
    return proposing.mapping_file(seen.head, seen.shapes, guess)


def _keys(seen: Look, mended: Mended, lines: Mapping[str, Line]) -> list[Key]:
    kept = [
        replace(key, confidence=SURE)
        for key in seen.guess.keys
        if key.name not in _CHOSEN_KEYS and _KEYS_OF.get(key.name, key.name) in (key.name, *lines)
    ]
    kept.append(Key("event_at_formats", tuple(mended.formats)))
    if "event_type" not in lines and mended.event_type:
        kept.append(Key("event_type", mended.event_type))
    if mended.timezone != "UTC":
        kept.append(Key("timezone", mended.timezone))
    return kept


def mapping(seen: Look, mended: Mended) -> MappingFile:
    """Return the checked mapping. Raises ConfigurationError with the missing parts."""
    tree = tomllib.loads(mapping_text(seen, mended))
    return mapping_of({**tree, "max_rejected_share": mended.share}, MAPPING)


def tried(seen: Look, chosen: MappingFile) -> Preview:
    """Preview the ingest of the first records. Raises as `preview` does."""
    return preview(seen.head, chosen, now=clock.now())


def save(upload: Upload, seen: Look, mended: Mended) -> None:
    """Write the mapping where the job looks for it: below its working folder."""
    mapping(seen, mended)
    lines = mapping_text(seen, mended).splitlines()
    share = f"max_rejected_share = {float(mended.share)!r}"
    kept = [line for line in lines if not line.startswith("max_rejected_share")]
    folder = upload.folder / "conf" / "sources"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{MAPPING}.toml"
    target.write_text("\n".join([share, *kept]) + "\n", encoding="utf-8")


def explained(upload: Upload, error: Exception) -> str:
    """Return an error's text with the upload's name in place of its path."""
    text = str(error)
    for path in (upload.folder / "head.csv", upload.path):
        text = text.replace(str(path), upload.name)
    return text.removeprefix(f"source {MAPPING}: ")


def _proposed_share(seen: Look) -> float:
    text = proposing.mapping_file(seen.head, seen.shapes, seen.guess)
    try:
        share = tomllib.loads(text).get("max_rejected_share", USUAL_SHARE)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"no mapping can be written for this file: {error}") from error
    return float(share)


def _words(value: object) -> Sequence[str]:
    return tuple(str(v) for v in value) if isinstance(value, tuple | list) else (str(value),)

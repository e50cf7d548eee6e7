"""JSON text: what a line's record is, and an array's objects as lines. No Spark in this module.

Numbers stay the text that they are: a double would round 12345678901234567.89, and 1e400 would
be infinite.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from custseg_spark.core.events.nested_values import exploded
from custseg_spark.errors import InputError

# The key of a line that isn't a record but an answer that jobs/fetch.py could make nothing of.
QUARANTINED = "quarantined"
_BLOCK_CHARACTERS = 1 << 20
# Beyond any object: one that never ends must not fill the memory.
_LONGEST = 1 << 24
_BLANKS = re.compile(r"[ \t\r\n]*")
_BOM = "\ufeff"

Record = Mapping[str, str | None]


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object whose keys are distinct: which of two values is meant, nobody knows."""
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ValueError("a key is there twice")
    return unique


def _once_or_list(pairs: list[tuple[str, Any]]) -> Any:
    """The same in an array, where one bad object must not end the reading: no object then."""
    try:
        return unique_keys(pairs)
    except ValueError:
        return pairs


def _decoder(hook: Callable[[list[tuple[str, Any]]], Any]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=hook, parse_int=str, parse_float=str, parse_constant=str
    )


_LINE, _ELEMENT = _decoder(unique_keys), _decoder(_once_or_list)


def record(line: bytes, taken: Collection[str]) -> tuple[Record, str | None]:
    """Return the texts of a line's object by key, and what is wrong with it: the code of a rule.

    A list or an object is refused under a `taken` key, and its own JSON text under any other.
    """
    try:
        text = line.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError:
        return {}, "invalid_utf8"
    try:
        value = _LINE.decode(text)
        if not isinstance(value, dict):
            return {}, "invalid_json"
        if QUARANTINED in value:
            return {}, "malformed_answer"
        texts = {key: _text(item) for key, item in value.items()}
    except (ValueError, RecursionError):
        return {}, "invalid_json"
    if any(isinstance(value.get(key), list | dict) for key in taken):
        return {}, "invalid_json"
    return _checked(texts)


def _text(item: Any) -> str | None:
    if isinstance(item, bool):
        return str(item).lower()
    return item if item is None or isinstance(item, str) else json.dumps(item, sort_keys=True)


def _checked(texts: Record) -> tuple[Record, str | None]:
    everything = "".join([*texts, *(v for v in texts.values() if v)])
    if "\x00" in everything:
        return {}, "nul_byte"
    # Half of a surrogate pair, which \ud800 can write, is no text.
    if not everything.isascii() and any("\ud800" <= c <= "\udfff" for c in everything):
        return {}, "invalid_utf8"
    return texts, None


class _Text:
    """A file's text, in memory from where it was read to and about a block further."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text = ""
        self._position = 0

    def peek(self) -> str:
        """Return the next character that isn't blank; empty at the end."""
        while True:
            blanks = _BLANKS.match(self._text, self._position)
            self._position = blanks.end() if blanks else self._position
            if self._position < len(self._text) or not self._more():
                return self._text[self._position : self._position + 1]

    def take(self, allowed: str) -> str:
        """Return the same, which must be one of these, and past it."""
        character = self.peek()
        if not character or character not in allowed:
            expected = " or ".join(allowed)
            raise ValueError(f"expected {expected}, found {character or 'the end of the file'}")
        self._position += 1
        return character

    def value(self) -> Any:
        """Return the value that begins here. Raises ValueError where none does."""
        self.peek()
        while True:
            try:
                value, end = _ELEMENT.raw_decode(self._text, self._position)
            except ValueError as error:
                if len(self._text) - self._position > _LONGEST or not self._more():
                    raise ValueError(error.args[0].partition(":")[0]) from error
                continue
            # What ends with the text may go on in the next block, as a number's digits do.
            if end == len(self._text) and self._more():
                continue
            self._position = end
            return value

    def _more(self) -> bool:
        block = self._stream.read(_BLOCK_CHARACTERS)
        self._text, self._position = self._text[self._position :] + block, 0
        return bool(block)


def exploded_lines(path: Path, nested: str) -> Iterator[str]:
    """Each record of a file of JSON lines: one for each item of the list under `nested`.

    A line that isn't an object stays as it is.
    """
    with path.open("rb") as stream:
        for line in stream:
            try:
                value = _LINE.decode(line.decode("utf-8").removeprefix(_BOM).strip())
            except (ValueError, RecursionError):
                value = None
            if isinstance(value, dict):
                yield from map(json.dumps, exploded(value, nested))
            else:
                yield line.decode("utf-8", "surrogateescape").rstrip("\r\n")


def array_lines(path: Path, nested: str, *, explodes: bool = False) -> Iterator[str]:
    """Each record of a file that is one JSON array, as a line.

    An object with a list under the key `nested` is one record for each of its items, which take
    over the object's other values; where the mapping `explodes` it, they stay under the key.
    Raises InputError where the text isn't such an array.
    """
    number = 0
    try:
        for element in _elements(path):
            number += 1
            if explodes and isinstance(element, dict):
                yield from map(json.dumps, exploded(element, nested))
            else:
                yield from _records(element, nested)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a JSON array, after {number:,} objects: {error}") from error


def _elements(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8-sig") as stream:
        text = _Text(stream)
        text.take("[")
        if text.peek() == "]":
            text.take("]")
        else:
            yield text.value()
            while text.take(",]") == ",":
                yield text.value()
        if text.peek():
            raise ValueError("something follows the array")


def _records(element: Any, nested: str) -> Iterator[str]:
    items = element.get(nested) if isinstance(element, dict) and nested else None
    if not isinstance(items, list):
        yield json.dumps(element)
        return
    shared = {key: value for key, value in element.items() if key != nested}
    for item in items:
        if isinstance(item, dict) and not shared.keys() & item.keys():
            yield json.dumps({**shared, **item})
        else:
            # Refused as a record, with whom it belongs to.
            yield json.dumps({**shared, nested: [item]})

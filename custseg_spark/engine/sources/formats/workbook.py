"""Which rows of a workbook's sheet hold a value, by its XML alone: the ledger's left side.

Independent of the library that reads the cells. No Spark in this module.
"""

import re
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from xml.etree import ElementTree

_BLOCK_BYTES = 1 << 20
_ROW_END = re.compile(rb"</(?:\w+:)?row>")
_ROW_START = re.compile(rb"<(?:\w+:)?row\b[^>]*>")
_ROW_NUMBER = re.compile(rb'\sr="(\d+)"')
# A cell's value, or its text in place; not the empty ones that carry nothing but a format.
_VALUE = re.compile(rb"<(?:\w+:)?(?:v\b[^>/]*>[^<]|is\b[^>/]*>)")
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"


def rows_with_values(archive: zipfile.ZipFile, sheet: str) -> Iterator[int]:
    """The numbers, from 1, of the sheet's rows that hold a value.

    Raises KeyError or ElementTree.ParseError where the workbook isn't put together as one.
    """
    number = 0
    for row in _rows(archive, _part_of(archive, sheet)):
        # Rows of nothing stand before this one as empty elements.
        for start in _ROW_START.finditer(row):
            given = _ROW_NUMBER.search(start[0])
            number = int(given[1]) if given else number + 1
        if _VALUE.search(row):
            yield number


def _rows(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """The XML of one row after the other."""
    rest = b""
    with archive.open(part) as stream:
        while block := stream.read(_BLOCK_BYTES):
            *rows, rest = _ROW_END.split(rest + block)
            yield from rows


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str:
    """The name of the part that holds a sheet."""
    relations = {
        element.get("name"): element.get(_RELATION) or element.get(_STRICT_RELATION)
        for element in _elements(archive, "xl/workbook.xml", "sheet")
    }
    targets = {
        element.get("Id"): element.get("Target", "")
        for element in _elements(archive, "xl/_rels/workbook.xml.rels", "Relationship")
    }
    # Relative to the folder of workbook.xml, unless it begins with a slash.
    return str(PurePosixPath("/xl", targets[relations[sheet]])).lstrip("/")


def _elements(archive: zipfile.ZipFile, part: str, name: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(archive.read(part))
    return [element for element in root.iter() if element.tag.rpartition("}")[2] == name]

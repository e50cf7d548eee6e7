"""A workbook's parts, within bounds: a zip archive may unpack to far more than it is long.

No Spark in this module.
"""

import copy
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from xml.etree import ElementTree

from custseg_spark.engine.sources.formats import limits
from custseg_spark.errors import InputError

_BLOCK_BYTES = 1 << 20
# Parts that say how the workbook is put together.
_MOST_SMALL_PART = 1 << 24
# A spreadsheet takes 32,767 characters in a cell.
MOST_CELL_BYTES = 1 << 22
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
# Nothing of these is read, but for the sheet that is asked for.
_UNREAD = ("xl/worksheets/", "xl/media/", "xl/drawings/", "xl/charts/", "xl/embeddings/")


@dataclass(frozen=True)
class Workbook:
    """An open archive; `path` is its name in errors.

    Raises InputError for a part beyond the bounds, zipfile.BadZipFile or KeyError where the
    workbook isn't put together as one.
    """

    archive: zipfile.ZipFile
    path: str

    def check(self, sheet_part: str) -> None:
        """Raise InputError where a part that is read beside the sheet is beyond the bounds."""
        names = self.archive.namelist()
        if len({name.lower() for name in names}) < len(names):
            raise InputError(f"{self.path}: the workbook has a part twice")
        for name in self.beside(sheet_part):
            for _ in self.blocks(name):
                pass

    def beside(self, sheet_part: str) -> list[str]:
        """Return the parts that are read beside the sheet."""
        return [
            name
            for name in self.archive.namelist()
            if name != sheet_part and not name.startswith(_UNREAD) and not name.endswith("/")
        ]

    def blocks(self, part: str) -> Iterator[bytes]:
        """A part's bytes, whatever length the archive gives for it."""
        info = copy.copy(self.archive.getinfo(part))
        # By itself zipfile stops at that length, and other readers don't.
        info.file_size = limits.MOST_BYTES + 1
        what = f"{self.path}: the part {part}"
        with self.archive.open(info) as stream:
            read = iter(lambda: stream.read(_BLOCK_BYTES), b"")
            yield from self._short_texts(limits.limited(read, info.compress_size, what), what)

    @staticmethod
    def _short_texts(blocks: Iterator[bytes], what: str) -> Iterator[bytes]:
        """The blocks, whose texts between two tags are of the length of a cell's at most."""
        since_tag = 0
        for block in blocks:
            first = block.find(b"<")
            since_tag += len(block) if first < 0 else first
            if since_tag > MOST_CELL_BYTES:
                raise InputError(f"{what} has a cell of more than {MOST_CELL_BYTES:,} bytes")
            since_tag = since_tag if first < 0 else len(block) - block.rfind(b"<")
            yield block

    def sheet_names(self) -> list[str]:
        """Return the names of the sheets in order."""
        return list(self._relations())

    def _relations(self) -> dict[str, str | None]:
        """What each sheet goes by in the workbook's relations."""
        relations: dict[str, str | None] = {}
        for element in self._elements("xl/workbook.xml", "sheet"):
            name = element.get("name", "")
            if name in relations:
                raise InputError(f"{self.path}: two sheets are named '{name}'")
            relations[name] = element.get(_RELATION) or element.get(_STRICT_RELATION)
        return relations

    def part_of(self, sheet: str) -> str:
        """Return the name of the part that holds a sheet."""
        relations = self._relations()
        targets = {
            element.get("Id"): element.get("Target", "")
            for element in self._elements("xl/_rels/workbook.xml.rels", "Relationship")
        }
        # Relative to the folder of workbook.xml, unless it begins with a slash.
        return str(PurePosixPath("/xl", targets[relations[sheet]])).lstrip("/")

    def _elements(self, part: str, name: str) -> list[ElementTree.Element]:
        content = bytearray()
        for block in self.blocks(part):
            content += block
            if len(content) > _MOST_SMALL_PART:
                raise InputError(f"{self.path}: the part {part} is too long")
        root = ElementTree.fromstring(content)
        return [element for element in root.iter() if element.tag.rpartition("}")[2] == name]

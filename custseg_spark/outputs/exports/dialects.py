"""The statements that make reporting tables, in the dialect of each kind of database.

Names and types come from the tables' own declarations, never from data or users.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from custseg_spark.outputs.exports.layout import ReportTable


@dataclass(frozen=True)
class Dialect:
    """The names and types of one kind of database.

    `types` has the names that differ from Spark's. A text in a key or an index has the type
    `key_text`; `suffix` ends a CREATE TABLE. `exact_sum` and `length` are SQL around a column,
    marked `{}`.
    """

    quote: str = '"'
    types: Mapping[str, str] = field(default_factory=dict)
    key_text: str = "text"
    suffix: str = ""
    exact_sum: str = "SUM({})"
    length: str = "LENGTH({})"
    has_indexes: bool = True
    is_upper: bool = False

    def name(self, identifier: str) -> str:
        """Quote a name; in capitals for a database that reads unquoted names so."""
        if self.is_upper:
            identifier = identifier.upper()
        return self.quote + identifier.replace(self.quote, self.quote * 2) + self.quote

    def names(self, identifiers: Iterable[str]) -> str:
        """Quote names, with commas between them."""
        return ", ".join(map(self.name, identifiers))

    def type_of(self, table: ReportTable, column: str) -> str:
        """Return the type of a column."""
        type_ = table.columns[column]
        is_found_by = column in {*table.key, *(name for names in table.indexes for name in names)}
        if type_ == "string" and is_found_by:
            return self.key_text
        return self.types.get(type_, type_)

    def create_table(
        self, table: ReportTable, name: str | None = None, *, if_missing: bool = False
    ) -> str:
        """Return the statement that creates a table, by its own or another name, with its key."""
        columns = [
            " ".join([self.name(column), self.type_of(table, column)]) for column in table.columns
        ]
        key = "PRIMARY KEY (" + self.names(table.key) + ")"
        inner = ",\n    ".join([*columns, key])
        create = "CREATE TABLE IF NOT EXISTS " if if_missing else "CREATE TABLE "
        return create + self.name(name or table.name) + " (\n    " + inner + "\n)" + self.suffix

    def create_indexes(self, table: ReportTable, *, if_missing: bool = False) -> list[str]:
        """Return the statements that create a table's indexes."""
        create = "CREATE INDEX IF NOT EXISTS " if if_missing else "CREATE INDEX "
        return [
            create
            + self.name("_".join([table.name, *names]))
            + " ON "
            + self.name(table.name)
            + " ("
            + self.names(names)
            + ")"
            for names in (table.indexes if self.has_indexes else ())
        ]

    def figures(self, table: ReportTable) -> str:
        """Return the query of a table's figures, in the order of `checking.expected`."""
        keys = "SELECT DISTINCT " + self.names(table.key) + " FROM " + self.name(table.name)
        figures = ["COUNT(*)", "(SELECT COUNT(*) FROM (" + keys + ") AS k)"]
        for column, type_ in table.columns.items():
            figures.append("COUNT(" + self.name(column) + ")")
            if summed := self._summed(column, type_):
                figures.append(summed)
        return "SELECT " + ", ".join(figures) + " FROM " + self.name(table.name)

    def _summed(self, column: str, type_: str) -> str | None:
        quoted = self.name(column)
        if type_ == "string":
            return "SUM(" + self.length.format(quoted) + ")"
        if type_.startswith("decimal"):
            return self.exact_sum.format(quoted)
        return "SUM(" + quoted + ")" if type_ in ("int", "bigint") else None


POSTGRESQL = Dialect(
    types={"string": "text", "double": "double precision", "timestamp": "timestamptz"},
)
# Money is REAL: it is summed in ten-thousandths, which are whole numbers.
SQLITE = Dialect(exact_sum="SUM(CAST(ROUND({} * 10000) AS INTEGER)) / 10000.0")
MYSQL = Dialect(
    quote="`",
    types={"string": "text", "timestamp": "datetime"},
    # Keys of InnoDB hold up to 3,072 bytes, and a character up to four.
    key_text="varchar(255)",
    suffix=" ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
    length="CHAR_LENGTH({})",
)
SNOWFLAKE = Dialect(
    types={"string": "varchar", "timestamp": "timestamp_ntz"},
    key_text="varchar",
    # Snowflake has micro-partitions instead of indexes.
    has_indexes=False,
    is_upper=True,
)

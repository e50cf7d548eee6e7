"""Texts that a spreadsheet shows and doesn't execute."""

import pyarrow as pa
import pyarrow.compute as pc

# What a spreadsheet executes, also by the wide signs of East Asian texts; a signed number alone,
# such as a telephone number, it doesn't.
_FORMULA, _NUMBER = r"^[=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]", r"^[+-][0-9]+(\.[0-9]+)?$"


def safe_texts(texts: pa.Array) -> pa.Array:
    """The texts, those that a spreadsheet would execute with an apostrophe before them."""
    is_number = pc.match_substring_regex(texts, _NUMBER)
    is_formula = pc.and_not(pc.match_substring_regex(texts, _FORMULA), is_number)
    return pc.if_else(is_formula, pc.binary_join_element_wise("'", texts, ""), texts)

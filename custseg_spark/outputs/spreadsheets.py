"""Texts that a spreadsheet shows instead of executing them."""

import pyarrow as pa
import pyarrow.compute as pc

# Beginnings of texts that a spreadsheet executes, also with the wide signs of East Asian texts. It
# doesn't execute a signed number alone, such as a telephone number.
_FORMULA, _NUMBER = r"^[=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]", r"^[+-][0-9]+(\.[0-9]+)?$"


def safe_texts(texts: pa.Array) -> pa.Array:
    """Return the texts, with an apostrophe before those that a spreadsheet would execute."""
    is_number = pc.match_substring_regex(texts, _NUMBER)
    is_formula = pc.and_not(pc.match_substring_regex(texts, _FORMULA), is_number)
    return pc.if_else(is_formula, pc.binary_join_element_wise("'", texts, ""), texts)

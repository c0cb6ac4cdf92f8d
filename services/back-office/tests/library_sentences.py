"""Sentences of libraries, which the services pass on to people."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import email_validator.syntax
import schwifty.bic
import schwifty.iban
from pydantic_core._pydantic_core import list_all_errors
from sentences import form_of, sentences_of
from stdnum.exceptions import InvalidChecksum, InvalidComponent, InvalidFormat, InvalidLength

FROM_BODIES = {
    *(
        "bool_parsing",
        "bool_type",
        "date_from_datetime_inexact",
        "date_from_datetime_parsing",
        "date_parsing",
    ),
    *("date_type", "datetime_from_date_parsing", "datetime_parsing", "datetime_type", "decimal_max_digits"),
    *("decimal_max_places", "decimal_parsing", "decimal_type", "decimal_whole_digits", "dict_type", "enum"),
    *(
        "extra_forbidden",
        "finite_number",
        "float_parsing",
        "float_type",
        "greater_than",
        "greater_than_equal",
    ),
    *("int_from_float", "int_parsing", "int_parsing_size", "int_type", "json_invalid", "less_than"),
    *("less_than_equal", "list_type", "literal_error", "missing", "model_attributes_type", "model_type"),
    *("multiple_of", "none_required", "string_pattern_mismatch", "string_too_long", "string_too_short"),
    *(
        "string_type",
        "string_unicode",
        "time_parsing",
        "time_type",
        "timezone_aware",
        "too_long",
        "too_short",
    ),
    *("tuple_type", "union_tag_invalid", "union_tag_not_found", "url_parsing", "uuid_parsing", "uuid_type"),
}
"""What pydantic may find in a body of the services, by its own names."""
_OF_RARE_ADDRESSES = re.compile(r"bracket|quote|display name|address literal")
"""Quoted names and literal addresses are not allowed for, so that nothing is said about them."""


@cache
def library_forms() -> dict[str, str]:
    """What is said of fields (pydantic), numbers (stdnum), e-mail addresses and bank accounts, with whose it is."""
    found = dict(_of_pydantic())
    for error in (InvalidFormat, InvalidChecksum, InvalidLength, InvalidComponent):
        found[error.message.rstrip(".").lower()] = "stdnum"  # as the debtor service puts it into a sentence
    for module in (email_validator.syntax, schwifty.iban, schwifty.bic):
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_bytes())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                for sentence in sentences_of(form_of(node.exc.args[0]) or ""):
                    if not _OF_RARE_ADDRESSES.search(sentence):
                        found.setdefault(sentence, module.__name__)
    return found


def _of_pydantic() -> Iterator[tuple[str, str]]:
    for each in list_all_errors():
        if each["type"] in FROM_BODIES:
            yield (
                each.get("message_template_json") or each["message_template_python"],
                f"pydantic {each['type']}",
            )

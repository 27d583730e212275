"""What a column takes: the same on both databases.

SQLite keeps whatever it is given, and PostgreSQL makes what it can of it (a number's text, a fraction rounded): a wrong
value would be found when it is read, by others. So it is refused where it is written.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Table

from gameserver.errors import Corrupt


@cache
def _types(table: Table) -> dict[str, type]:
    return {column.name: column.type.python_type for column in table.columns}


def check_values(table: Table, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
    """Look at values before they are written: for each named column a sequence. Raises ``Corrupt`` ``bad_data``."""
    wanted = _types(table)
    for name, values in zip(names, columns, strict=True):
        if set(map(type, values)) != {wanted[name]}:
            odd = next(value for value in values if type(value) is not wanted[name])
            raise Corrupt("bad_data", f"{table.name}.{name} takes {wanted[name].__name__}, not {type(odd).__name__}.")
        if wanted[name] is str and "\0" in "".join(values):
            raise Corrupt("bad_data", f"{table.name}.{name} does not take text with the character 0.")

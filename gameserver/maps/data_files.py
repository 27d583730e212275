"""Data files of modules: kinds of items, recipes, shops. A file is a JSON list of records, each with a name.

A module declares a record as a struct and asks for the file by a name that the game's package gives it:

    class Kind(Record, frozen=True):
        title: str
        weight: int = 0

    KINDS = records("items", Kind)

Records are read when the module is imported: what is wrong with a file is known before anything starts.
"""

import json
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec

from gameserver.declare.game_package import game, place_in_game
from gameserver.declare.source_locations import place
from gameserver.errors import Corrupt


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what stands in a data file. ``name``: what others call it by, once in its file."""

    name: str

    def problem(self) -> str:
        """Say what is wrong with it beyond its fields' types, as "field: sentence"; "" where nothing is."""
        return ""


R = TypeVar("R", bound=Record)

_ASKED: set[str] = set()


def records(name: str, kind: type[R]) -> dict[str, R]:
    """Read the records of the game's data file of this name; none where the game has no such file.

    Raises ``Corrupt`` ``bad_world`` with file, record and field.
    """
    _ASKED.add(name)
    path = game().data.get(name)
    return read_records(path, kind) if path else {}


def names_in(name: str) -> frozenset[str]:
    """The names of a data file's records, whichever module reads them; none where the game has no such file."""
    path = game().data.get(name)
    listed = _listed(path) if path else []
    return frozenset(str(given.get("name", "")) for given in listed if isinstance(given, dict))


def refuse_unasked() -> None:
    """Raise ``Corrupt`` ``bad_game`` for a data file of the game that none of its modules asks for."""
    for name in game().data.keys() - _ASKED:
        near = get_close_matches(name, _ASKED, 1)
        meant = f" (is it {near[0]}?)" if near else ""
        raise Corrupt("bad_game", f"{place_in_game()}: no module of the game asks for the data file {name!r}{meant}.")


def read_records(path: Path, kind: type[R]) -> dict[str, R]:
    """Read a data file. Raises the same."""
    found: dict[str, R] = {}
    for n, given in enumerate(_listed(path)):
        record = _record(path, n, given, kind)
        if record.name in found:
            _fault(path, f"two records have the name {record.name!r}", n)
        found[record.name] = record
    return found


def misnamed(name: str, record: Record, sentence: str) -> NoReturn:
    """Raise ``Corrupt`` ``bad_world`` for a record that names what is not there. ``name``: of its data file."""
    _fault(game().data[name], f"{record.name}: {sentence}")


def _listed(path: Path) -> list[Any]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Any])
    except OSError as error:
        _fault(path, f"can't be read ({error.strerror})")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        _fault(path, str(error).rstrip("."))


def _record(path: Path, n: int, given: Any, kind: type[R]) -> R:
    called = given.get("name") if isinstance(given, dict) else None
    where = called if isinstance(called, str) and called else f"record {n}"
    try:
        record = msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        _fault(path, f"{where}: {error}", n)
    if problem := record.problem():
        _fault(path, f"{where}: {problem}", n)
    return record


def _fault(path: Path, sentence: str, n: int = -1) -> NoReturn:
    """Raise ``Corrupt`` for a file, or for its record of this number, whose line is named."""
    raise Corrupt("bad_world", f"{place(str(path), _line(path, n)) if n >= 0 else path}: {sentence}.")


def _line(path: Path, n: int) -> int:
    """The line on which the record of a number begins, in a file that is a JSON list."""
    text, decoder = path.read_text(), json.JSONDecoder()
    at = text.index("[") + 1
    for _ in range(n):
        at = decoder.raw_decode(text, _next(text, at))[1]
    return text.count("\n", 0, _next(text, at)) + 1


def _next(text: str, at: int) -> int:
    return next(i for i in range(at, len(text)) if text[i] not in ", \t\r\n")

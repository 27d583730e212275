"""Watermarks: how far each lane of a player's session has come.

They stand with the player, as the text of a JSON object (``{"act":[17,0]}``): what an event changes and the mark that
keeps it from being applied twice are one row, read, locked and written at once. Processing moves them; they begin anew
where a session does.
"""

from collections.abc import Mapping

import msgspec

from gameserver.errors import Corrupt

NO_MARKS = "{}"


class Watermark(msgspec.Struct, frozen=True, array_like=True):
    """Where a lane stands: the last sequence number applied in it, and how many outcomes were stored so far."""

    seq: int = 0
    stored: int = 0


START = Watermark()

_decode = msgspec.json.Decoder(dict[str, Watermark]).decode
_encode = msgspec.json.Encoder().encode


def read_watermarks(text: str) -> dict[str, Watermark]:
    """The marks by lane; a lane that is not there stands at ``START``. Raises ``Corrupt`` ``bad_marks``.

    Marks that nobody can read are not taken for none: what was applied before would be applied again.
    """
    try:
        return _decode(text)
    except msgspec.MsgspecError as error:
        raise Corrupt("bad_marks", f"These are no watermarks: {text!r} ({error}).") from None


def write_watermarks(marks: Mapping[str, Watermark]) -> str:
    """Their text."""
    return _encode(marks).decode()


def highest(text: str) -> int:
    """The highest sequence number that was applied in any lane, 0 for none."""
    return max((mark.seq for mark in read_watermarks(text).values()), default=0)

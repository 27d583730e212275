"""Prose as the bytes that a terminal shows: colours, lines of its width, its encoding."""

import re
import unicodedata
from typing import get_args

from gameserver.declare.phrases import BEGIN, END, LETTERS, STYLED, Style

WIDTH, WIDTH_MIN, WIDTH_MAX = 80, 20, 400
ANSI: dict[Style, str] = {
    "name": "36",
    "title": "1",
    "speech": "33",
    "good": "32",
    "bad": "31",
    "faint": "2",
    "wall": "34",
    "gate": "35",
    "you": "1;33",
}
_CODES = {LETTERS[style]: f"\x1b[{ANSI[style]}m" for style in get_args(Style)}
_RESET = "\x1b[0m"
_UNSHOWN = re.compile("[\x00-\x09\x0b-\x0d\x10-\x1f\x7f-\x9f]")
_PLAIN = re.compile(f"{BEGIN}[a-z]|{END}")


class Terminal:
    """How one client shows text. ``colour``: whether it shows colours. ``utf8``: else Latin-1."""

    def __init__(self) -> None:
        self.width = WIDTH
        self.colour = False
        self.utf8 = True
        self._agreed = False

    def agree(self, *, utf8: bool) -> None:
        """The client has said which encoding it speaks: what is not of it is damaged, and no sign of another one."""
        self.utf8, self._agreed = utf8, True

    def resize(self, columns: int) -> None:
        """Fit lines into so many columns; 0 columns are not known."""
        if columns:
            self.width = min(max(columns, WIDTH_MIN), WIDTH_MAX)

    def show(self, text: str) -> bytes:
        """The bytes of prose, without a line's end behind it."""
        lines = [part for line in _UNSHOWN.sub("", text).split("\n") for part in self._wrapped(line)]
        shown = "\r\n".join(lines)
        shown = STYLED.sub(_code if self.colour else "", shown)
        return shown.encode("utf-8") if self.utf8 else shown.encode("latin-1", "replace").replace(b"\xff", b"\xff\xff")

    def read(self, raw: bytes) -> str:
        """The text that was typed: UTF-8, and Latin-1 from the first line on that is not, where neither was agreed."""
        raw = raw.replace(b"\xff\xff", b"\xff")
        if self.utf8:
            try:
                return erased(raw.decode("utf-8"))
            except UnicodeDecodeError:
                if self._agreed:
                    return erased(raw.decode("utf-8", "replace"))
                self.utf8 = False
        return erased(raw.decode("latin-1"))

    def _wrapped(self, line: str) -> list[str]:
        """The line in pieces that fit, cut between words."""
        if len(line) <= self.width or columns(line) <= self.width:
            return [line]
        lines, now, room = [], "", self.width
        for word in line.split(" "):
            size = columns(word)
            if now and size + 1 > room:
                lines.append(now)
                now, room = word, self.width - size
            else:
                now, room = (f"{now} {word}" if now else word), room - size - bool(now)
        return [*lines, now]


def _code(match: re.Match[str]) -> str:
    return _CODES.get(match[1], "") if match[1] else _RESET


def columns(text: str) -> int:
    """How many columns a terminal needs for a text, the marks of styles not counted."""
    return sum(_columns(c) for c in _PLAIN.sub("", text))


def _columns(c: str) -> int:
    if unicodedata.combining(c) or unicodedata.category(c) in ("Cf", "Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(c) in "WF" else 1


def erased(typed: str) -> str:
    """What is left of what was typed when a backspace takes away the character before it."""
    if "\x08" not in typed and "\x7f" not in typed:
        return typed
    kept: list[str] = []
    for c in typed:
        if c not in "\x08\x7f":
            kept.append(c)
        elif kept:
            kept.pop()
    return "".join(kept)

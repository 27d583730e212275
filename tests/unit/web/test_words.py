"""The page shows whatever the bundled game's players are told: in words, on the map, or as the view that follows it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec

from gameserver.declare import catalogue
from gameserver.declare.client_view import followers
from tests.nodes import JAVASCRIPT, PAGE, node, page_in

Notice = dict[str, Any]

IN_THE_CHAT = {"heard"}  # beside the name of who speaks
DRAWN = {"ground", "laid", "lifted", "walled", "placed", "unplaced"}  # on the map, by the page
SEEN = {"view", "appeared", "moved", "vanished"}  # on the map, as the library's view follows them
# Where no arbitrary word will do.
SAMPLES: dict[str, dict[str, Any]] = {
    "grouped": {"what": "joined"},
    "duelended": {"why": "won"},
    "died": {"who": "ada"},
    "struck": {"by": "ada"},
}
READS: list[tuple[str, dict[str, Any], str]] = [
    ("fallen", {"xp": 3, "total": 22}, "Your death costs you 3 experience; 22 is left."),
    ("fallen", {"xp": 0, "total": 22}, ""),
    ("levelled", {"level": 2, "hp": 9, "hp_max": 12, "attack": 7}, "You are level 2 now: attack 7, health 9 of 12."),
    ("felt", {"kind": "poison", "effect": "Poison", "change": -5, "hp": 95}, "Poison takes 5 of your health."),
    ("felt", {"kind": "rest", "effect": "Rest", "change": 5, "hp": 95}, "Rest gives you 5 health."),
    ("challenged", {"by": "Bob", "until_ms": 1}, "Bob challenges you to a duel: see More, Duels."),
    ("duelended", {"players": [], "winner": "Bob", "why": "won"}, "Bob has won the duel."),
    ("duelended", {"players": [], "winner": "", "why": "over"}, "The duel is over, and nobody has won."),
    ("duelended", {"players": [], "winner": "", "why": "declined"}, "There will be no duel."),
    ("died", {"who": "ada", "by": "rat"}, "You were slain by <rat>."),
    ("died", {"who": "ada", "by": "ada"}, "You died."),
    ("died", {"who": "rat", "by": "ada"}, "You slew <rat>."),
    ("died", {"who": "rat", "by": "bob"}, ""),
    ("struck", {"by": "rat", "target": "ada", "damage": 4, "hp": 1, "v": 1}, "<rat> strikes you for 4."),
    ("struck", {"by": "rat", "target": "bob", "damage": 4, "hp": 1, "v": 1}, ""),
    ("received", {"by": "Bob", "coins": 1, "total": 9}, "Bob gave you 1 coin."),
    ("retracted", {"by": "Ada", "to": "Bob", "why": "lapsed"}, "Your offer to Bob is over."),
    ("signs", {"texts": ["To the town", "To the crypt"]}, "Signs say “To the town”, “To the crypt”."),
]


def test_whatever_players_are_told_is_said_once_or_seen(tmp_path: Path) -> None:
    names = list(catalogue.notices())
    said = dict(zip(names, read(tmp_path, [a_notice(name) for name in names]), strict=True))
    assert {name for name, sentences in said.items() if len(sentences) > 1} == set()
    assert {name for name, sentences in said.items() if not any(sentences)} == IN_THE_CHAT | DRAWN | SEEN
    assert [one for sentences in said.values() for one in sentences if re.search(r"undefined|NaN|\[object", one)] == []


def test_what_is_not_said_is_shown() -> None:
    does = re.search(r"^const DOES = \{$(.*?)^\};$", (PAGE / "main.js").read_text(), re.DOTALL | re.MULTILINE)
    assert does
    handled = set(re.findall(r"^  (\w+)[:,]", does[1], re.MULTILINE))
    assert handled >= IN_THE_CHAT | DRAWN
    assert set(followers()) >= SEEN
    assert handled - set(catalogue.notices()) == {"error", "unavailable"}


def test_notices_read_as_sentences(tmp_path: Path) -> None:
    notices = [{"type": name, **fields} for name, fields, _ in READS]
    assert read(tmp_path, notices) == [[sentence] for _, _, sentence in READS]


def read(folder: Path, notices: list[Notice]) -> list[list[str]]:
    """How notices read on the page: for each the sentences that its tables have."""
    words = (node(), str(JAVASCRIPT / "words.mjs"), str(page_in(folder)))
    done = subprocess.run(words, input=json.dumps(notices), capture_output=True, text=True, check=True)
    found: list[list[str]] = json.loads(done.stdout)
    return found


def a_notice(name: str) -> Notice:
    """A notice with all its fields, of arbitrary values that fit it."""
    return {"type": name, **a_value(catalogue.notices()[name]), **SAMPLES.get(name, {})}


def a_value(kind: Any) -> Any:
    if get_origin(kind) is list:
        return [a_value(get_args(kind)[0])]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return {field.name: a_value(field.type) for field in msgspec.structs.fields(kind)}
    return {int: 3, bool: True}.get(kind, "word")

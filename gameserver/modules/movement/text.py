"""Movement in words: directions, who is around, and a small map.

Whoever else is in sight stands in ``sight.things["being"]``, for the prose of other modules too.
"""

import re
from base64 import b64decode
from typing import Any

from msgspec.structs import asdict, replace

from gameserver.game import Result, Sight, answered, answers, command, details, gmcp, picture, styled, told
from gameserver.modules.movement.events import (
    Appeared,
    Being,
    Chart,
    Charted,
    Look,
    Move,
    Moved,
    Sign,
    Vanished,
    View,
    Walked,
)

BEING = "being"
CROWD = 8  # of more beings in sight nobody is told who comes and goes
DIRECTIONS = {
    "n": "north",
    "e": "east",
    "s": "south",
    "w": "west",
    "ne": "northeast",
    "nw": "northwest",
    "se": "southeast",
    "sw": "southwest",
}
LISTED_MAX = 20  # names in a list of who is here
MAP_COLUMNS, MAP_ROWS = 31, 11
WALL = "#"
_GROUND = re.compile(f"(?P<wall>{WALL}+)|\\.+")

for _short, _word in DIRECTIONS.items():
    command(_word, Move, also=(_short,), what=f"Walk one tile to the {_word}.", dir=_short)


def _looks(sight: Sight) -> None:
    sight.notes["looks"] = True


command("look", Look, first=_looks, what="See where you are and who is around.")


@answers("look at <whom:being>", "look <whom:being>")
def look_at(sight: Sight, whom: str) -> str:
    """Look closer at someone."""
    being = sight.things[BEING][whom]
    kind = "" if being.kind in ("player", being.name.lower()) else f" (a {being.kind})"
    more = "".join(f", {each}" for each in details(BEING, being, sight))
    return f"{styled('name', being.name)}{kind} is {place_of(sight, being)}{more}."


command("map", Chart, what="See a small map of where you are.")


@answered(Chart)
def charted(data: Charted, event: Chart, sight: Sight) -> str:
    """Keep the map, and draw what is around the player."""
    sight.notes["chart"] = data
    return "\n".join([drawn(sight, MAP_COLUMNS, MAP_ROWS), *_signposts(data, sight)])


def _signposts(data: Charted, sight: Sight) -> list[str]:
    """A line of the places that the map shows, and what commands call them."""
    signs = sorted(data.signs, key=lambda sign: _distance(sight, sign))
    places = (f"{styled('title', sign.title)} ({sign.name}) {place_of(sight, sign)}" for sign in signs)
    return [f"Here are: {', '.join(places)}."] if signs else []


# What is read.


@told(View)
def view(notice: View, sight: Sight) -> str:
    """Describe where the player is, if that is news or was asked for."""
    moved = sight.notes.get("zone") != notice.zone
    asked = sight.notes.pop("looks", False)
    sight.notes["zone"] = notice.zone
    sight.me |= {**asdict(notice.you), "zone": notice.zone, "place": notice.title}
    sight.things[BEING] = {being.id: being for being in notice.beings}
    if moved:
        sight.wish(Chart())
    return _described(notice, sight) if moved or asked else ""


def _described(notice: View, sight: Sight) -> str:
    where = styled("title", notice.title)
    return f"{where}, at {notice.you.x}, {notice.you.y}.\n{_who_is_here(sight)}"


def _who_is_here(sight: Sight) -> str:
    beings = sorted(sight.things[BEING].values(), key=lambda being: _distance(sight, being))
    if not beings:
        return "You are alone here."
    named = [f"{styled('name', being.name)} {place_of(sight, being)}" for being in beings[:LISTED_MAX]]
    more = len(beings) - len(named)
    return f"You see {', '.join(named)}{f' and {more} more' if more else ''}."


@told(Appeared)
def appeared(notice: Appeared, sight: Sight) -> str:
    """Say who came into sight."""
    being = notice.being
    if sight.is_me(being.id):
        sight.me |= {name: value for name, value in asdict(being).items() if name not in ("x", "y")}
        return ""
    known = sight.things[BEING].get(being.id)
    if known is not None and known.v > being.v:
        return ""
    sight.things[BEING][being.id] = being
    is_news = known is None and len(sight.things[BEING]) <= CROWD
    return f"{styled('name', being.name)} comes into view, {place_of(sight, being)}." if is_news else ""


@told(Vanished)
def vanished(notice: Vanished, sight: Sight) -> str:
    """Say who left the sight."""
    known = sight.things[BEING].get(notice.who)
    if known is None or known.v > notice.v:
        return ""
    del sight.things[BEING][notice.who]
    return f"{styled('name', known.name)} is gone." if len(sight.things[BEING]) < CROWD else ""


@told(Moved)
def moved(notice: Moved, sight: Sight) -> str:
    """Note where someone stands."""
    known = sight.things[BEING].get(notice.who)
    if known is not None and notice.v >= known.v:
        sight.things[BEING][notice.who] = replace(known, x=notice.x, y=notice.y, v=notice.v)
    return ""


@answered(Move)
def walked(data: Walked, event: Move, sight: Sight) -> str:
    """Say where the step led."""
    sight.me |= {"x": data.x, "y": data.y}
    if data.zone != sight.me.get("zone"):
        return ""  # a view follows, and says where that is
    return f"You go {DIRECTIONS[event.dir]}: {data.x}, {data.y}."


@answered(Look)
def looked(data: Result | None, event: Look, sight: Sight) -> str:
    """The view says it."""
    return ""


# Programs.


@gmcp("Room.Info", View)
def room_info(notice: View, sight: Sight) -> dict[str, Any]:
    """Where the player is."""
    return {"num": notice.zone, "name": notice.title, "area": notice.zone, "coords": [notice.you.x, notice.you.y]}


@gmcp("Room.Players", View)
def room_players(notice: View, sight: Sight) -> list[dict[str, str]]:
    """Who is around."""
    return [{"name": being.id, "fullname": being.name} for being in notice.beings]


@gmcp("Room.AddPlayer", Appeared)
def room_add_player(notice: Appeared, sight: Sight) -> dict[str, str] | None:
    """Who came into sight."""
    being = notice.being
    return None if sight.is_me(being.id) else {"name": being.id, "fullname": being.name}


@gmcp("Room.RemovePlayer", Vanished)
def room_remove_player(notice: Vanished, sight: Sight) -> str:
    """Who left the sight."""
    return notice.who


# Where things are.


def _distance(sight: Sight, being: Being | Sign) -> int:
    distance: int = max(abs(being.x - sight.me.get("x", 0)), abs(being.y - sight.me.get("y", 0)))
    return distance


def place_of(sight: Sight, being: Being | Sign) -> str:
    """Where somebody or something stands, seen from the player: ``3 northeast``."""
    dx, dy = being.x - sight.me.get("x", 0), being.y - sight.me.get("y", 0)
    if not dx and not dy:
        return "here"
    flat = 2 * abs(dy) < abs(dx)
    steep = 2 * abs(dx) < abs(dy)
    north = "" if flat else "north" if dy < 0 else "south"
    east = "" if steep else "west" if dx < 0 else "east"
    return f"{max(abs(dx), abs(dy))} {north}{east}"


@picture()
def drawn(sight: Sight, columns: int, rows: int) -> str:
    """A map with the player in the middle."""
    if "x" not in sight.me:
        return "You are nowhere yet."
    x, y = sight.me["x"], sight.me["y"]
    marks = ground_of(sight) | {(being.x, being.y): _mark(being) for being in sight.things[BEING].values()}
    marks[x, y] = styled("you", "@")
    across = range(x - columns // 2, x + (columns + 1) // 2)
    down = range(y - rows // 2, y + (rows + 1) // 2)
    drawing = "\n".join("".join(marks.get((column, row), " ") for column in across) for row in down)
    return _GROUND.sub(lambda found: styled("wall" if found["wall"] else "faint", found[0]), drawing)


def ground_of(sight: Sight) -> dict[tuple[int, int], str]:
    """What is drawn of a zone's ground by tile: walls, gates, signs, and where one can walk."""
    chart: Charted | None = sight.notes.get("chart")
    if chart is None or chart.zone != sight.me.get("zone"):
        return {}
    tiles = [(column, row) for row in range(chart.height) for column in range(chart.width)]
    walls = walls_of(chart)
    gates = {(gate.x, gate.y): styled("gate", "+") for gate in chart.gates}
    signs = {(sign.x, sign.y): styled("title", "$") for sign in chart.signs}
    return {tile: WALL if tile in walls else "." for tile in tiles} | signs | gates


def walls_of(chart: Charted) -> set[tuple[int, int]]:
    """The tiles of a map on which nobody can walk."""
    bits, stride = b64decode(chart.walls), (chart.width + 7) // 8
    tiles = ((column, row) for row in range(chart.height) for column in range(chart.width))
    return {(x, y) for x, y in tiles if bits[y * stride + x // 8] & (0x80 >> x % 8)}


def _mark(being: Being) -> str:
    return styled("name", being.name[:1].upper()) if being.kind == "player" else styled("bad", being.name[:1].lower())

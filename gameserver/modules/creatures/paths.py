"""The way from tile to tile: A* on a zone's grid, bounded, and the same on every machine (integers, no chance)."""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush

Tile = tuple[int, int]
Free = Callable[[int, int], bool]

NODES_MAX = 256  # tiles that are looked at for one way: what lies farther around is not found
AROUND = tuple((dx, dy) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dx, dy) != (0, 0))


def tiles_between(a: Tile, b: Tile) -> int:
    """Steps between two tiles, diagonal steps counting one."""
    return max(abs(a[0] - b[0]), abs(a[1] - b[1]))


def way(start: Tile, goal: Tile, free: Free, within: int = 0) -> list[Tile]:
    """Find the tiles to step on, one after the other, until the goal is ``within`` so many tiles.

    Where there is no such way, or it is too long to be found, it is the way to the nearest tile that was found; []
    where none is nearer than the start.
    """
    came = {start: start}
    steps = {start: 0}
    frontier = [(*_ahead(0, start, goal, within), start)]
    nearest = start
    looked_at: set[Tile] = set()
    while frontier and len(looked_at) < NODES_MAX:
        at = heappop(frontier)[-1]
        if at in looked_at:
            continue
        looked_at.add(at)
        nearest = min(nearest, at, key=lambda tile: (tiles_between(tile, goal), steps[tile]))
        if tiles_between(at, goal) <= within:
            break
        for tile in _around(at, free):
            if tile not in steps or steps[at] + 1 < steps[tile]:
                steps[tile], came[tile] = steps[at] + 1, at
                heappush(frontier, (*_ahead(steps[tile], tile, goal, within), tile))
    return _unwound(came, nearest)


def _ahead(steps: int, at: Tile, goal: Tile, within: int) -> tuple[int, int, int]:
    """What a way over a tile takes at least; of ways that take the same the straighter one comes first."""
    left = max(0, tiles_between(at, goal) - within)
    return steps + left, left, abs(at[0] - goal[0]) + abs(at[1] - goal[1])


def _around(at: Tile, free: Free) -> Iterator[Tile]:
    for dx, dy in AROUND:
        if free(at[0] + dx, at[1] + dy):
            yield at[0] + dx, at[1] + dy


def _unwound(came: dict[Tile, Tile], at: Tile) -> list[Tile]:
    found: list[Tile] = []
    while came[at] != at:
        found.append(at)
        at = came[at]
    return found[::-1]


def tile_away(start: Tile, threat: Tile, free: Free) -> Tile | None:
    """Find the tile beside one's own that is farthest from a threat; ``None`` where none is farther than one's own."""
    tiles = [tile for tile in _around(start, free) if _far(tile, threat) > _far(start, threat)]
    return max(tiles, key=lambda tile: (*_far(tile, threat), tile), default=None)


def _far(tile: Tile, threat: Tile) -> tuple[int, int]:
    return tiles_between(tile, threat), abs(tile[0] - threat[0]) + abs(tile[1] - threat[1])


def free_near(at: Tile, free: Free, within: int = 4) -> Tile | None:
    """Find the free tile nearest to one, itself first."""
    tiles = [(x, y) for x in _span(at[0], within) for y in _span(at[1], within)]
    tiles.sort(key=lambda tile: (tiles_between(tile, at), _far(tile, at), tile))
    return next((tile for tile in tiles if free(*tile)), None)


def _span(at: int, within: int) -> range:
    return range(at - within, at + within + 1)

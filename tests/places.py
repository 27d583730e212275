"""Where things and players of the bundled game may be: what simulation and chaos find wrong with the rows of the end.

That sums are right says nothing of places: a letter without its thing, or somebody in a zone that there is not, leaves
each sum as it was.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gameserver.declare.entity import Entity
from gameserver.maps.objects import World, template_of
from gameserver.modules.bank.maps import Chest
from gameserver.modules.bank.rules import STORED_MAX, in_bank, in_chest
from gameserver.modules.combat.entities import Creature
from gameserver.modules.instances.entities import ENDED, Instance
from gameserver.modules.items.entities import Item
from gameserver.modules.items.ground import lies
from gameserver.modules.items.kinds import SLOTS, kind_of
from gameserver.modules.items.things import CARRIED_MAX, inside, worn_by
from gameserver.modules.market.entities import Lot
from gameserver.modules.market.rules import in_lot, kept_for
from gameserver.modules.movement.entities import Body
from gameserver.modules.post.entities import Letter
from gameserver.modules.post.rules import mail_of
from gameserver.modules.sessions.entities import Player
from gameserver.modules.world.entities import ZoneClock

Rows = Mapping[type[Entity], Mapping[str, Any]]

MANY = 10**9  # of a place that is bounded by something else than its own size


def faults(world: World, rows: Rows) -> Iterator[str]:
    """Find all that is wrong with where things and players are, a sentence each."""
    yield from misplaced(world, rows)
    yield from astray(world, rows)


def misplaced(world: World, rows: Rows) -> Iterator[str]:
    """Find things in places that are none or that are overfull, and letters and lots that lack what is theirs."""
    things: Mapping[str, Item] = rows[Item]
    due = {lot.thing: in_lot(lot.id) for lot in rows[Lot].values()}
    due |= {id_: mail_of(letter.receiver) for letter in rows[Letter].values() for id_ in letter.enclosed}
    yield from (f"{id_} is not in {place}" for id_, place in due.items() if _holder(things, id_) != place)
    room = _rooms(world, rows)
    for thing in things.values():
        if thing.holder and thing.holder not in room and due.get(thing.id) != thing.holder:
            yield f"{thing.id} is in {thing.holder}, which is no place"
    held = Counter(thing.holder for thing in things.values())
    yield from (
        f"{place} holds {held[place]} things, and has room for {most}"
        for place, most in room.items()
        if held[place] > most
    )


def _holder(things: Mapping[str, Item], id_: str) -> str:
    return things[id_].holder if id_ in things else ""


def _rooms(world: World, rows: Rows) -> dict[str, int]:
    """How many things each place holds that there is, but for letters and lots."""
    players: Iterable[str] = rows[Player]
    own = {kept_for: MANY, str: CARRIED_MAX, worn_by: len(SLOTS), in_bank: STORED_MAX}
    return {
        **{place(player): most for player in players for place, most in own.items()},
        **{in_chest(at.id): chest.holds for zone in world.zones.values() for at, chest in zone.placed(Chest)},
        **{inside(thing.id): kind_of(thing.kind).holds or MANY for thing in rows[Item].values()},
    }


def astray(world: World, rows: Rows) -> Iterator[str]:
    """Find who and what is in a zone that there is not."""
    instances = {id_: one for id_, one in rows[Instance].items() if one.closing != ENDED}
    for body in rows[Body].values():
        if not _is_there(world, instances, body.zone):
            yield f"{body.id} stands in {body.zone}, which is no zone"
        elif body.zone in instances and body.id not in instances[body.zone].came_from:
            yield f"{body.id} stands in {body.zone}, which knows of no such visitor"
    left = [item for item in rows[Item].values() if lies(item)]
    creatures = [one for one in rows[Creature].values() if one.zone or not one.owner]  # the others wait for owners
    for thing in (*left, *creatures):
        if not _is_there(world, instances, thing.zone):
            yield f"{thing.id} is in {thing.zone}, which is no zone"
    clocks = (clock.id for clock in rows[ZoneClock].values() if template_of(clock.id))
    yield from (f"{id_} ticks, and is no zone" for id_ in clocks if id_ not in instances)


def _is_there(world: World, instances: Mapping[str, Instance], zone: str) -> bool:
    return zone in (instances if template_of(zone) else world.zones)

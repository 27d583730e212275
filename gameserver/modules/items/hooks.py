"""What things add to the rules of others: they are seen, wear out in fights, and creatures drop them."""

from typing import Any

from msgspec.structs import replace

from gameserver.game import (
    Context,
    Needs,
    Notification,
    Outcome,
    State,
    after,
    all_of,
    count,
    ids,
    matching,
    near,
    test,
)
from gameserver.modules.combat.events import Attack, Cleave, Slain
from gameserver.modules.items.entities import Item
from gameserver.modules.items.events import Broke, Ground
from gameserver.modules.items.ground import laid, lies, lies_in, loot, loot_ids, lying, shows
from gameserver.modules.items.kinds import kind_of
from gameserver.modules.items.rules import wearing
from gameserver.modules.items.things import held, rows_of, shown, worn_by
from gameserver.modules.movement.entities import Body
from gameserver.modules.movement.events import Look
from gameserver.modules.movement.view import sight

GROUND_MAX = 200  # things that are told of one look
MOVED_MAX = 200  # things that come out of an instance in one transaction; the rest comes with the next


@after("movement.look", needs=lambda event, context: (near(Body, context.player, (Item,), sight),))
def things_are_seen(state: State, event: Look, context: Context, outcome: Outcome) -> Outcome | None:
    """Tell what lies in view, if anything does."""
    box = sight(state.of(Body)[context.player])
    seen = [item for item in state.of(Item).values() if lies_in(box, item)]
    if not seen:
        return None
    told = Ground(things=[lying(item) for item in sorted(seen, key=lambda item: item.id)[:GROUND_MAX]])
    return Outcome(notifications=(Notification(notice=told, conn=context.conn, gateway=context.gateway),))


def _worn(event: Attack | Cleave, context: Context) -> Needs:
    return rows_of(worn_by(context.player))


@after("combat.attack", needs=_worn)
@after("combat.cleave", needs=_worn)
def weapons_wear(state: State, event: Attack | Cleave, context: Context, outcome: Outcome) -> Outcome | None:
    """What strikes is used once more; worn out, it is gone, and with it what it added."""
    weapon = next((i for i in held(state, worn_by(context.player)) if kind_of(i.kind).slot == "hand"), None)
    if weapon is None or not kind_of(weapon.kind).uses:
        return None
    if weapon.used + 1 < kind_of(weapon.kind).uses:
        return Outcome(put=(replace(weapon, used=weapon.used + 1),))
    return _breaks(state, context.player, weapon)


def _breaks(state: State, player: str, item: Item) -> Outcome:
    body = wearing(state, player, [worn for worn in held(state, worn_by(player)) if worn.id != item.id])
    told = Broke(thing=shown(item), attack=body.attack, defence=body.defence)
    return Outcome(put=(body,), drop=(item,), notifications=(Notification(notice=told, player=player),))


@after("combat.slain", needs=lambda event, context: (ids(Item, *loot_ids(context.id)),))
def creatures_leave_things(state: State, event: Slain, context: Context, outcome: Outcome) -> Outcome:
    """What a creature had lies where it died."""
    left = tuple(loot(event.kind, (event.zone, event.x, event.y), context.id, context.now_ms, context.rng))
    return Outcome(put=left, notifications=tuple(map(shows, left)))


def _some_of_what_lies(event: Any, context: Context) -> Needs:
    lying_there = all_of(test("holder", "==", ""), test("zone", "!=", ""), test("zone", "==", event.zone))
    return (matching(Item, lying_there, MOVED_MAX), count(Item, when="lying", zone=event.zone))


@after("instances.dissolve", needs=_some_of_what_lies, optional=True)
def things_lie_at_the_gate(state: State, event: Any, context: Context, outcome: Outcome) -> Outcome | None:
    """What lay in an instance that has ended lies at its gate, as long as anything lies there.

    While there is more of it than one transaction moves, the instance stays, and ends once more.
    """
    written: tuple[Any, ...] = (*outcome.put, *outcome.drop)
    ended = next((thing for thing in written if thing.id == event.zone and hasattr(thing, "gate")), None)
    if ended is None:
        return None
    left = sorted((i for i in state.of(Item).values() if lies(i) and i.zone == event.zone), key=lambda item: item.id)
    moved = tuple(laid(item, ended.gate, context.now_ms, for_ever=not item.lies_until_ms) for item in left)
    is_all = state.count(count(Item, when="lying", zone=event.zone)) <= len(moved)
    return Outcome(
        put=moved if is_all else (*moved, ended),
        events=() if is_all else (replace(event, visitors=[]),),
        notifications=tuple(map(shows, moved)),
    )

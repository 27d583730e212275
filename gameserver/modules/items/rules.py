"""Things: of two who take one at the same time one gets it, because the row is locked; the other is told."""

from collections import Counter

from msgspec.structs import replace

from gameserver.game import (
    CLOCK_TOLERANCE_MS,
    Context,
    Matching,
    Needs,
    Notification,
    Outcome,
    Rejected,
    State,
    all_of,
    any_of,
    awaited,
    ids,
    matching,
    rule,
    test,
)
from gameserver.modules.combat.entities import Strength
from gameserver.modules.combat.fighters import Fighter
from gameserver.modules.combat.gear import REACH, Gear
from gameserver.modules.items import carriers
from gameserver.modules.items.entities import Item
from gameserver.modules.items.events import (
    Armed,
    Carried,
    Drop,
    Equip,
    Examine,
    Examined,
    Fetch,
    GiveItem,
    Handed,
    Handled,
    Healed,
    Inside,
    Inventory,
    Parted,
    Rot,
    Rummage,
    Split,
    Stow,
    Take,
    Unequip,
    Use,
)
from gameserver.modules.items.ground import LIES_MS, disappears, laid, lies, shows
from gameserver.modules.items.kinds import Kind, kind_of
from gameserver.modules.items.things import (
    Moved,
    carried_needs,
    changes,
    check_room,
    held,
    in_place,
    inside,
    mine,
    placed,
    portable,
    received,
    rows_of,
    shown,
    worn_by,
)

TAKE_REACH = 2
HAND_REACH = 3
SEEN_TILES = 8
ROT_MAX = 500  # in one turn; the rest comes with the next


def _thing_and_carried(event: Take | Use, context: Context) -> Needs:
    return (ids(Item, event.thing), *carried_needs(context.player))


def _with_what_is_in_it(event: Drop, context: Context) -> Needs:
    return (ids(Item, event.thing), *rows_of(context.player, inside(event.thing)))


def _carried_and_worn(event: Equip | Unequip, context: Context) -> Needs:
    return (ids(Item, event.thing), *rows_of(context.player, worn_by(context.player)))


def _both_stacks(event: Split, context: Context) -> Needs:
    return (ids(Item, event.thing, context.id), *carried_needs(context.player))


def _of_both(event: GiveItem, context: Context) -> Needs:
    receiver = event.to.lower()
    return (*carriers.needs_of(receiver), *rows_of(context.player, receiver))


def _with_container(event: Stow | Fetch, context: Context) -> Needs:
    container = event.into if isinstance(event, Stow) else event.out_of
    return (ids(Item, event.thing, container), *rows_of(context.player, inside(container)))


@rule(needs=_thing_and_carried, components=carriers.PARTS)
def take(state: State, event: Take, context: Context) -> Outcome:
    """It is carried from now on, and lies there no longer."""
    taker = carriers.standing(state, context)
    item = state.get(Item, event.thing)
    if item is None:
        raise Rejected("no_such_thing", "It lies here no longer.")
    if not lies(item):
        raise Rejected("taken", "Somebody has it.")
    _check_reach(taker, item, TAKE_REACH)
    moved = received(held(state, taker.id), [item], taker.id)
    return Outcome(result=_handled(item, moved), put=moved.put, drop=moved.drop, notifications=(disappears(item),))


def _check_reach(player: Fighter, item: Item, reach: int) -> None:
    away = carriers.tiles_between(player, item.zone, item.x, item.y)
    if away is None or away > reach:
        raise Rejected("out_of_reach", "Too far away.")


def _handled(item: Item, moved: Moved) -> Handled:
    """The thing as it was left; of a stack that was joined to another, that it is gone."""
    left = next((changed for changed in moved.put if changed.id == item.id), None)
    return Handled(thing=shown(left or item), gone=left is None)


@rule(needs=_with_what_is_in_it, components=carriers.PARTS)
def drop(state: State, event: Drop, context: Context) -> Outcome:
    """It lies where the player stands, with what is in it."""
    player = carriers.standing(state, context)
    is_full = bool(held(state, inside(event.thing)))
    item = laid(mine(state, player.id, event.thing), carriers.spot(player), context.now_ms, for_ever=is_full)
    return Outcome(result=Handled(thing=shown(item)), put=(item,), notifications=(shows(item),))


@rule(needs=_thing_and_carried, components=carriers.PARTS)
def use(state: State, event: Use, context: Context) -> Outcome:
    """One piece of it is used up, and heals."""
    player = carriers.standing(state, context)
    item = portable(mine(state, player.id, event.thing))
    kind = kind_of(item.kind)
    hp, hp_max = carriers.health(state, player.id)
    if not kind.is_used:
        raise Rejected("useless", f"{kind.title} can't be used up.")
    treated = carriers.treated(state, player.id, kind.gives, kind.cures, context.now_ms)
    if hp >= hp_max and not treated:
        raise Rejected("unhurt", "You are in full health.")
    put, hp, seen = carriers.healed(state, player.id, kind.heals) if kind.heals else ((), hp, ())
    left = _used(item, kind)
    return Outcome(
        result=Healed(hp=hp, left=(left.count or kind.uses - left.used) if left else 0),
        put=changes(*put, *treated, *([left] if left else [])),
        drop=() if left else (item,),
        notifications=seen,
    )


def _used(item: Item, kind: Kind) -> Item | None:
    """A thing that was used once more, or one piece less of a stack; ``None`` where nothing is left."""
    if item.count > 1:
        return replace(item, count=item.count - 1)
    return replace(item, used=item.used + 1) if not item.count and item.used + 1 < kind.uses else None


@rule(needs=_carried_and_worn, components=carriers.PARTS)
def equip(state: State, event: Equip, context: Context) -> Outcome:
    """It is worn, and its wearer strikes and is struck accordingly; what was worn there is carried."""
    player = carriers.standing(state, context)
    item = mine(state, player.id, event.thing)
    kind = kind_of(item.kind)
    if not kind.slot:
        raise Rejected("not_wearable", f"{kind.title} can't be worn.")
    before = [worn for worn in held(state, worn_by(player.id)) if kind_of(worn.kind).slot == kind.slot]
    off = [placed(worn, player.id) for worn in before]
    return _armed(state, player, placed(item, worn_by(player.id)), on=[item], off=before, put=off)


@rule(needs=_carried_and_worn, components=carriers.PARTS)
def unequip(state: State, event: Unequip, context: Context) -> Outcome:
    """It is carried again."""
    player = carriers.standing(state, context)
    item = in_place(state, worn_by(player.id), event.thing)
    (off,) = received(held(state, player.id), [item], player.id).put
    return _armed(state, player, off, on=[], off=[item], put=[])


def _armed(state: State, player: Fighter, item: Item, *, on: list[Item], off: list[Item], put: list[Item]) -> Outcome:
    """Let a player's strength follow what was put on and taken off."""
    off_ids = {thing.id for thing in off}
    worn = [thing for thing in held(state, worn_by(player.id)) if thing.id not in off_ids]
    body = wearing(state, player.id, [*worn, *on])
    return Outcome(
        result=Armed(thing=shown(item), attack=body.attack, defence=body.defence), put=changes(body, item, *put)
    )


def wearing(state: State, player: str, worn: list[Item]) -> Strength:
    """A player's strength with all that is worn, by the kinds as they are today."""
    return carriers.strengthened(state, player, *strength(worn), gear(worn))


def strength(worn: list[Item]) -> tuple[int, int]:
    """What things add to their wearer's attack and defence."""
    kinds = [kind_of(item.kind) for item in worn]
    return sum(kind.attack for kind in kinds), sum(kind.defence for kind in kinds)


def gear(worn: list[Item]) -> Gear:
    """What things do for their wearer beside adding to attack and defence."""
    kinds = [kind_of(item.kind) for item in worn]
    weapon = next((kind for kind in kinds if kind.slot == "hand"), Kind(name="hand", title="Hand"))
    resists = Counter[str]()
    for kind in kinds:
        resists.update(kind.resists)
    return Gear(
        reach=max(REACH, weapon.reach),
        sweeps=weapon.sweeps,
        element=weapon.element,
        inflicts=weapon.inflicts,
        inflicts_permille=weapon.inflicts_permille,
        resists={element: percent for element, percent in sorted(resists.items()) if percent},
    )


@rule(needs=_both_stacks, components=carriers.PARTS)
def split(state: State, event: Split, context: Context) -> Outcome:
    """So many go into a stack of their own."""
    player = carriers.standing(state, context)
    item = mine(state, player.id, event.thing)
    if item.count <= event.count:
        raise Rejected("too_few_things", "Something must be left of a stack that is split.")
    rest = replace(item, count=item.count - event.count)
    other = Item(id=context.id, kind=item.kind, count=event.count, holder=player.id)
    check_room(len(held(state, player.id)) + 1)
    return Outcome(result=Parted(thing=shown(rest), other=shown(other)), put=(rest, other))


@rule(needs=_of_both, components=carriers.PARTS)
def giveitem(state: State, event: GiveItem, context: Context) -> Outcome:
    """It is another player's, who is told."""
    player = carriers.standing(state, context)
    item = mine(state, player.id, event.thing)
    receiver = carriers.partner(state, player, event.to, HAND_REACH)
    moved = received(held(state, receiver.id), [item], receiver.id)
    told = Notification(notice=Handed(by=player.name, thing=shown(item)), player=receiver.id)
    return Outcome(result=Handled(thing=shown(item), gone=True), put=moved.put, drop=moved.drop, notifications=(told,))


@rule(needs=_with_container, components=carriers.PARTS)
def stow(state: State, event: Stow, context: Context) -> Outcome:
    """It is in the container, and goes where that goes."""
    player = carriers.standing(state, context)
    item, container = portable(mine(state, player.id, event.thing)), mine(state, player.id, event.into)
    room = kind_of(container.kind).holds
    if not room:
        raise Rejected("no_container", f"{kind_of(container.kind).title} holds nothing.")
    moved = received(held(state, inside(container.id)), [item], inside(container.id), room)
    return Outcome(result=_handled(item, moved), put=moved.put, drop=moved.drop)


@rule(needs=_with_container, components=carriers.PARTS)
def fetch(state: State, event: Fetch, context: Context) -> Outcome:
    """It is carried by itself."""
    player = carriers.standing(state, context)
    container = mine(state, player.id, event.out_of)
    item = in_place(state, inside(container.id), event.thing)
    moved = received(held(state, player.id), [item], player.id)
    return Outcome(result=_handled(item, moved), put=moved.put, drop=moved.drop)


def _repeat_rummage(state: State, event: Rummage, context: Context) -> Outcome:
    return Outcome(result=Inside(things=[shown(item) for item in held(state, inside(event.thing))]))


@rule(
    needs=lambda event, context: (ids(Item, event.thing), *rows_of(inside(event.thing))),
    repeat=_repeat_rummage,
)
def rummage(state: State, event: Rummage, context: Context) -> Outcome:
    """What is in a container."""
    mine(state, context.player, event.thing)
    return _repeat_rummage(state, event, context)


def _repeat_inventory(state: State, event: Inventory, context: Context) -> Outcome:
    carried, worn = (held(state, place) for place in (context.player, worn_by(context.player)))
    return Outcome(result=Carried(things=[shown(item) for item in carried], worn=[shown(item) for item in worn]))


@rule(needs=lambda event, context: rows_of(context.player, worn_by(context.player)), repeat=_repeat_inventory)
def inventory(state: State, event: Inventory, context: Context) -> Outcome:
    """What a player carries and wears, dead or alive."""
    return _repeat_inventory(state, event, context)


def _repeat_examine(state: State, event: Examine, context: Context) -> Outcome:
    item = state.get(Item, event.thing)
    return Outcome(result=_examined(item or Item(id=event.thing, kind="")))


@rule(
    needs=lambda event, context: (ids(Item, event.thing, look=True),),
    repeat=_repeat_examine,
    components=carriers.PARTS,
)
def examine(state: State, event: Examine, context: Context) -> Outcome:
    """What can be told of a thing that one has or sees."""
    player = carriers.standing(state, context)
    item = state.get(Item, event.thing)
    if item is None or not (item.holder in (player.id, worn_by(player.id)) or lies(item)):
        raise Rejected("no_such_thing", "You see no such thing.")
    if lies(item):
        _check_reach(player, item, SEEN_TILES)
    return Outcome(result=_examined(item))


def _examined(item: Item) -> Examined:
    kind = kind_of(item.kind)
    return Examined(
        thing=shown(item),
        text=kind.text,
        slot=kind.slot,
        attack=kind.attack,
        defence=kind.defence,
        heals=kind.heals,
        uses=kind.uses,
        holds=kind.holds,
        price=kind.price,
    )


def rotten(now_ms: int) -> Matching:
    """Select what lay for too long, that too which would lie until the time of a clock that was ahead."""
    lies_ = (test("holder", "==", ""), test("zone", "!=", ""), test("lies_until_ms", ">", 0))
    over = any_of(
        test("lies_until_ms", "<=", now_ms), test("lies_until_ms", ">", now_ms + LIES_MS + CLOCK_TOLERANCE_MS)
    )
    return matching(Item, all_of(*lies_, over), ROT_MAX)


def _is_rotten(item: Item, now_ms: int) -> bool:
    return item.lies_until_ms > 0 and not awaited(item.lies_until_ms, now_ms, LIES_MS)


@rule(needs=lambda event, context: (rotten(context.now_ms),))
def rot(state: State, event: Rot, context: Context) -> Outcome:
    """It is gone, for all who see it."""
    gone = [item for item in state.of(Item).values() if lies(item) and _is_rotten(item, context.now_ms)]
    return Outcome(drop=tuple(gone), notifications=tuple(map(disappears, gone)))

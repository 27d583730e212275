"""Things in words. ``sight.things`` has them by where they are: ``carried``, ``worn``, ``ground``."""

from typing import Any

from gameserver.game import Sight, answered, command, gmcp, styled, told
from gameserver.modules.items.events import (
    Armed,
    Broke,
    Carried,
    Drop,
    Equip,
    Examine,
    Examined,
    Fetch,
    GiveItem,
    Ground,
    Handed,
    Handled,
    Healed,
    Inside,
    Inventory,
    Laid,
    Lifted,
    Lying,
    Parted,
    Rummage,
    Split,
    Stow,
    Take,
    Thing,
    Unequip,
    Use,
)

CARRIED, WORN, GROUND, INSIDE = "carried", "worn", "ground", "inside"
LISTED_MAX = 12

command("take <thing:ground>", Take, also=("get <thing:ground>",))
command("drop <thing:carried>", Drop)
command("inventory", Inventory, also=("i",))
command("examine <thing:carried,worn,ground>", Examine, also=("x <thing:carried,worn,ground>",))
command("use <thing:carried>", Use, also=("eat <thing:carried>", "drink <thing:carried>", "quaff <thing:carried>"))
command("wear <thing:carried>", Equip, also=("wield <thing:carried>", "equip <thing:carried>"))
command("remove <thing:worn>", Unequip, also=("unequip <thing:worn>",))
command("split <count> of <thing:carried>", Split)
command("give <thing:carried> to <to>", GiveItem, also=("hand <thing:carried> to <to>",))
command("put <thing:carried> into <into:carried>", Stow, also=("put <thing:carried> in <into:carried>",))
command("take <thing:inside> from <out_of:carried>", Fetch, also=("take <thing:inside> out of <out_of:carried>",))
command("open <thing:carried>", Rummage, also=("look in <thing:carried>", "look into <thing:carried>"))


def named(thing: Thing | Lying) -> str:
    """A thing as people call it, with how many it is."""
    many = f" ({thing.count})" if thing.count > 1 else ""
    return f"{styled('title', thing.title)}{many}"


def listed(things: list[Any]) -> str:
    """Things in a row; "nothing" for none."""
    rest = f" and {len(things) - LISTED_MAX} more" if len(things) > LISTED_MAX else ""
    return ", ".join(map(named, things[:LISTED_MAX])) + rest if things else "nothing"


def _by_id(things: list[Any]) -> dict[str, Any]:
    return {thing.id: thing for thing in things}


def carry(sight: Sight, thing: Thing, *, gone: bool = False) -> None:
    """Note that the player carries a thing now, or (``gone``) that it does not."""
    for group in (CARRIED, WORN, INSIDE):
        sight.things[group].pop(thing.id, None)
    if not gone:
        sight.things[CARRIED][thing.id] = thing


# What lies about.


@told(Ground)
def ground(notice: Ground, sight: Sight) -> str:
    """Note what lies in view, and say so where that is news."""
    before = sight.things[GROUND].keys()
    sight.things[GROUND] = _by_id(notice.things)
    if CARRIED not in sight.notes:
        sight.notes[CARRIED] = True
        sight.wish(Inventory())
    return f"Here lies {listed(notice.things)}." if sight.things[GROUND].keys() - before else ""


@told(Laid)
def laid(notice: Laid, sight: Sight) -> str:
    """Say what lies there now."""
    known = sight.things[GROUND].get(notice.thing.id)
    if known is not None and known.v > notice.thing.v:
        return ""
    sight.things[GROUND][notice.thing.id] = notice.thing
    return "" if known is not None else f"{named(notice.thing)} lies there."


@told(Lifted)
def lifted(notice: Lifted, sight: Sight) -> str:
    """Note what lies there no longer."""
    known = sight.things[GROUND].get(notice.thing)
    if known is not None and notice.v >= known.v:
        del sight.things[GROUND][notice.thing]
    return ""


# What one has.


@answered(Take, Fetch)
def took(data: Handled, event: Take | Fetch, sight: Sight) -> str:
    """Say what was taken."""
    carry(sight, data.thing, gone=data.gone)
    return f"You take {named(data.thing)}."


@answered(Drop)
def dropped(data: Handled, event: Drop, sight: Sight) -> str:
    """Say what was put down."""
    carry(sight, data.thing, gone=True)
    return f"You drop {named(data.thing)}."


@answered(Inventory)
def inventory(data: Carried, event: Inventory, sight: Sight) -> str:
    """List what is carried and worn."""
    sight.things[CARRIED], sight.things[WORN] = _by_id(data.things), _by_id(data.worn)
    worn = f" You wear {listed(data.worn)}." if data.worn else ""
    return f"You carry {listed(data.things)}.{worn}"


@answered(Examine)
def examined(data: Examined, event: Examine, sight: Sight) -> str:
    """Say what a thing is."""
    told = [("attack", data.attack), ("defence", data.defence), ("heals", data.heals), ("worth", data.price)]
    numbers = [f"{name} {value}" for name, value in told if value]
    where = [f"worn on the {data.slot}"] if data.slot else []
    return f"{named(data.thing)}: {data.text}{f' ({chr(44).join([*where, *numbers])})' if where or numbers else ''}"


@answered(Use)
def used(data: Healed, event: Use, sight: Sight) -> str:
    """Say what using it did."""
    thing = sight.things[CARRIED].get(event.thing)
    if not data.left:
        sight.things[CARRIED].pop(event.thing, None)
    sight.me["hp"] = data.hp
    what = f"You use {named(thing)}" if thing else "You use it"
    return styled("good", f"Your health is {data.hp}.") if thing is None else f"{what}; your health is {data.hp}."


@answered(Equip, Unequip)
def armed(data: Armed, event: Equip | Unequip, sight: Sight) -> str:
    """Say what is worn now."""
    on = isinstance(event, Equip)
    carry(sight, data.thing)
    if on:
        sight.wish(Inventory())  # what was worn in its place is carried now
        sight.things[CARRIED].pop(data.thing.id, None)
        sight.things[WORN][data.thing.id] = data.thing
    verb = "put on" if on else "take off"
    return f"You {verb} {named(data.thing)}: attack {data.attack}, defence {data.defence}."


@answered(Split)
def split(data: Parted, event: Split, sight: Sight) -> str:
    """Say what both stacks are."""
    carry(sight, data.thing)
    carry(sight, data.other)
    return f"You have {named(data.thing)} and {named(data.other)}."


@answered(GiveItem)
def handed_over(data: Handled, event: GiveItem, sight: Sight) -> str:
    """Say what was given."""
    carry(sight, data.thing, gone=True)
    return f"You hand {named(data.thing)} to {styled('name', event.to)}."


@answered(Stow)
def stowed(data: Handled, event: Stow, sight: Sight) -> str:
    """Say what was put away."""
    carry(sight, data.thing, gone=True)
    return f"You put {named(data.thing)} away."


@answered(Rummage)
def rummaged(data: Inside, event: Rummage, sight: Sight) -> str:
    """List what is inside."""
    sight.things[INSIDE] = _by_id(data.things)
    return f"In it is {listed(data.things)}."


@told(Handed)
def handed(notice: Handed, sight: Sight) -> str:
    """Say what somebody gave."""
    carry(sight, notice.thing)
    return f"{styled('name', notice.by)} hands you {named(notice.thing)}."


@told(Broke)
def broke(notice: Broke, sight: Sight) -> str:
    """Say what is worn out."""
    carry(sight, notice.thing, gone=True)
    return styled("bad", f"Your {notice.thing.title} is worn out and gone.")


@gmcp("Char.Items.List", Carried)
def char_items(data: Carried, sight: Sight) -> dict[str, Any]:
    """What is carried and worn."""
    things = [(thing, "") for thing in data.things] + [(thing, "w") for thing in data.worn]
    return {"location": "inv", "items": [{"id": t.id, "name": t.title, "attrib": mark} for t, mark in things]}

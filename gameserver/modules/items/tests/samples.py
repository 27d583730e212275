"""One of each event of things, for tests that go through the whole catalogue."""

from gameserver.modules.items.events import (
    Drop,
    Equip,
    Examine,
    Fetch,
    GiveItem,
    Inventory,
    Rot,
    Rummage,
    Split,
    Stow,
    Take,
    Unequip,
    Use,
)
from gameserver.modules.items.tests.worlds import on_ground, thing

IDS = ("sword", "apples", "bag")
THINGS = (on_ground("sword"), thing("apples", "apple", count=9), thing("bag", "pouch", "bob"))
PLAYED = {
    "take": lambda n: Take(thing=IDS[n % 3], seq=n),
    "drop": lambda n: Drop(thing=IDS[n % 3], seq=n),
    "use": lambda n: Use(thing=IDS[n % 3], seq=n),
    "equip": lambda n: Equip(thing=IDS[n % 3], seq=n),
    "unequip": lambda n: Unequip(thing=IDS[n % 3], seq=n),
    "split": lambda n: Split(thing=IDS[n % 3], count=1, seq=n),
    "giveitem": lambda n: GiveItem(thing=IDS[n % 3], to=("Ada", "Bob", "Eve")[n % 3], seq=n),
    "examine": lambda n: Examine(thing=IDS[n % 3], seq=n),
    "inventory": lambda n: Inventory(seq=n),
    "stow": lambda n: Stow(thing=IDS[n % 3], into="bag", seq=n),
    "fetch": lambda n: Fetch(thing=IDS[n % 3], out_of="bag", seq=n),
    "rummage": lambda n: Rummage(thing="bag", seq=n),
}
TENDED = {"rot": lambda n: Rot(n=n)}

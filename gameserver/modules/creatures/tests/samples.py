"""One of each event of creatures, for tests that go through the whole catalogue."""

from gameserver.modules.combat.entities import Creature
from gameserver.modules.creatures.companions import companion_ids
from gameserver.modules.creatures.events import Heel, Order, Pets, Release, Tame

OWNERS = ("ada", "bob", "eve")
COMPANIONS = [companion_ids(owner)[0] for owner in OWNERS]
THINGS = tuple(
    Creature(id=id_, kind="rat", zone="meadow", x=14 + n, y=10, hp=9, owner=owner, mood="follow")
    for n, (owner, id_) in enumerate(zip(OWNERS, COMPANIONS, strict=True))
)
PLAYED = {
    "tame": lambda n: Tame(target="meadow.rat.1", seq=n),
    "order": lambda n: Order(creature=COMPANIONS[n % 3], what=("follow", "guard")[n % 2], seq=n),
    "release": lambda n: Release(creature=COMPANIONS[n % 3], seq=n),
    "pets": lambda n: Pets(seq=n),
}
BORN = {"heel": lambda n: Heel(creature=COMPANIONS[n % 3], owner=OWNERS[n % 3])}

"""One of each event of instances, for tests that go through the whole catalogue."""

from gameserver.modules.instances.events import Depart, Dissolve, Enter, LeftInstance, TendInstances

PLAYED = {
    "enter": lambda n: Enter(template="dungeon", seq=n),
    "depart": lambda n: Depart(seq=n),
}
TENDED = {"tendinstances": lambda n: TendInstances(n=n)}
BORN = {
    "dissolve": lambda n: Dissolve(zone=f"dungeon#{n}", visitors=["ada", "bob"]),
    "leftinstance": lambda n: LeftInstance(player="ada", zone=f"dungeon#{n}"),
}

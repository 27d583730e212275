"""What maps show of quests: people, and places that one is sent to."""

from collections.abc import Iterator
from typing import ClassVar

from gameserver.game import MapObject, Tile, World, Zone, checks_world
from gameserver.modules.movement.maps import on_a_portal
from gameserver.modules.quests import quest_kinds
from gameserver.modules.quests.quest_kinds import PEOPLE, Quest

REACH_MAX = 8


class Person(MapObject, frozen=True):
    """Somebody of the data file "people", who stands there: those who walk by see them, and talk to them."""

    colour: ClassVar[str] = "limegreen"

    person: str

    def called(self) -> str:
        """Their ids say their names."""
        return self.person

    def caption(self) -> str:
        """Who it is."""
        return PEOPLE[self.person].title

    def problem(self) -> str:
        """Somebody whom the data file does not have."""
        expected = ", ".join(PEOPLE)
        return "" if self.person in PEOPLE else f"is of unknown person {self.person!r}, expected one of {expected}"

    def problem_at(self, world: World, zone: Zone, at: Tile) -> str:
        """They block no portal."""
        return on_a_portal(zone, at)


class Landmark(MapObject, frozen=True):
    """A place with a name, which reaches so many tiles around: quests send one there."""

    colour: ClassVar[str] = "hotpink"

    landmark: str
    title: str
    reach: int = 2

    def caption(self) -> str:
        """What the place is called."""
        return self.title

    def around(self) -> int:
        """Who comes near has been there."""
        return self.reach

    def problem(self) -> str:
        """How far it reaches."""
        return "" if 0 <= self.reach <= REACH_MAX else f"reaches {self.reach} tiles, and 0 to {REACH_MAX} are possible"


@checks_world
def quests_can_be_done(world: World) -> Iterator[tuple[str, str]]:
    """Find people who stand nowhere, and places that are not there. A world in which nobody stands has no quests."""
    placed = [placed.what for zone in world.zones.values() for placed in zone.objects]
    people = {what.person for what in placed if isinstance(what, Person)}
    places = {what.landmark for what in placed if isinstance(what, Landmark)} | world.zones.keys()
    for quest in quest_kinds.QUESTS.values() if people else ():
        yield from (("", sentence) for sentence in _missing(quest, people, places))


def _missing(quest: Quest, people: set[str], places: set[str]) -> Iterator[str]:
    wanted = {quest.giver, quest.taken_by, *(goal.what for goal in quest.goals if goal.do == "talk")}
    yield from (
        f"the quest {quest.name!r} needs {person!r}, who stands on no map" for person in sorted(wanted - people)
    )
    visited = {goal.what for goal in quest.goals if goal.do == "visit"}
    yield from (f"the quest {quest.name!r} leads to {place!r}, which is no place" for place in sorted(visited - places))

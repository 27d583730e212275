"""One of each event of quests, for tests that go through the whole catalogue."""

from gameserver.modules.quests.events import AbandonQuest, AcceptQuest, Arrived, Quests, TalkTo, TurnIn

NAMES = ("ada", "bob", "eve")
PLAYED = {
    "turnin": lambda n: TurnIn(quest="wood_for_the_winter", seq=n),
    "quests": lambda n: Quests(seq=n),
    "acceptquest": lambda n: AcceptQuest(quest="wood_for_the_winter", seq=n),
    "abandonquest": lambda n: AbandonQuest(quest="wood_for_the_winter", seq=n),
    "talkto": lambda n: TalkTo(person="reeve", words="x", seq=n),
}
BORN = {"arrived": lambda n: Arrived(player=NAMES[n % 3], zone="town")}

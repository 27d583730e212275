"""One of each event of achievements, for tests that go through the whole catalogue."""

from gameserver.modules.achievements.events import Achievements, Gave, Saw

NAMES = ("ada", "bob", "eve")
PLAYED = {"achievements": lambda n: Achievements(seq=n)}
BORN = {
    "saw": lambda n: Saw(player=NAMES[n % 3], zone=("town", "meadow")[n % 2]),
    "gave": lambda n: Gave(player=NAMES[n % 3], coins=50 * n),
}

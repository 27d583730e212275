"""One of each event of combat beside blows, for tests that go through the whole catalogue."""

from gameserver.modules.combat.events import (
    AcceptDuel,
    Challenge,
    Cleave,
    DeclineDuel,
    Fall,
    Forfeit,
    Score,
    Slain,
)

NAMES = ("Ada", "Bob", "Eve")
PLAYED = {
    "cleave": lambda n: Cleave(seq=n),
    "challenge": lambda n: Challenge(to=NAMES[n % 3], seq=n),
    "acceptduel": lambda n: AcceptDuel(to=NAMES[n % 3], seq=n),
    "declineduel": lambda n: DeclineDuel(to=NAMES[n % 3], seq=n),
    "forfeit": lambda n: Forfeit(seq=n),
    "score": lambda n: Score(seq=n),
}
BORN = {
    "slain": lambda n: Slain(kind="rat", zone="meadow", x=12, y=n % 20),
    "fall": lambda n: Fall(player=NAMES[n % 3].lower(), by="rat", zone="meadow", x=12, y=12),
}

"""One of each event of barter, for tests that go through the whole catalogue."""

from gameserver.modules.barter.events import Accept, Lapse, Lapsed, Offer, Retract

NAMES = ("Ada", "Bob", "Eve")
PLAYED = {
    "offer": lambda n: Offer(to=NAMES[n % 3], things=[], coins=n % 5, seq=n),
    "accept": lambda n: Accept(to=NAMES[n % 3], version=1, seq=n),
    "retract": lambda n: Retract(to=NAMES[n % 3], seq=n),
}
TENDED = {"lapse": lambda n: Lapse(n=n)}
BORN = {"lapsed": lambda n: Lapsed(player=NAMES[n % 3].lower(), partner=NAMES[(n + 1) % 3].lower())}

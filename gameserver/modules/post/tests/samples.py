"""One of each event of the post, for tests that go through the whole catalogue."""

from gameserver.modules.post.events import Letters, OpenLetter, Post, ReturnLetter, SortMail

NAMES = ("Ada", "Bob", "Eve")
PLAYED = {
    "post": lambda n: Post(to=NAMES[n % 3], text="x", coins=n % 3, seq=n),
    "letters": lambda n: Letters(seq=n),
    "openletter": lambda n: OpenLetter(letter="x", seq=n),
}
TENDED = {"sortmail": lambda n: SortMail(n=n)}
BORN = {"returnletter": lambda n: ReturnLetter(letter="x", receiver=NAMES[n % 3].lower(), sender=NAMES[1].lower())}

"""Weather: what one is told of the sky."""

from gameserver.game import Notice, notice


@notice()
class Skies(Notice):
    """The sky where you are: told when you come there, and when it changes. ``part``: dawn, day, dusk or night.

    ``text``: a sentence or two, on how it is or what has changed.
    """

    part: str
    weather: str
    text: str

"""The sky in words."""

from gameserver.game import Sight, styled, told
from gameserver.modules.weather.events import Skies


@told(Skies)
def skies(notice: Skies, sight: Sight) -> str:
    """Say how the sky is, unless that was said last."""
    news = sight.notes.get("sky") != notice.text
    sight.notes["sky"] = notice.text
    return styled("faint", notice.text) if news else ""

"""The world in words."""

from gameserver.game import Sight, styled, told
from gameserver.modules.world.events import Announced


@told(Announced)
def announced(notice: Announced, sight: Sight) -> str:
    """Say what the operators say, so that no player can be mistaken for them."""
    return styled("title", f"* Announcement: {notice.text}")

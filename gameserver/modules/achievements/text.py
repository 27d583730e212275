"""Achievements in words."""

from gameserver.game import Sight, answered, command, styled, told
from gameserver.modules.achievements.events import Achieved, Achievements, Ahead, Honours

AHEAD_MAX = 8  # of what lies ahead, the nearest

command("achievements", Achievements, also=("honours",))


@answered(Achievements)
def honours(data: Honours, event: Achievements, sight: Sight) -> str:
    """List what is achieved, and what is nearest."""
    mine = [f"{styled('title', one.title)} ({one.points}): {one.text}" for one in data.earned]
    nearest = sorted(data.ahead, key=_how_far, reverse=True)[:AHEAD_MAX]
    ahead = [styled("faint", f"{one.title}: {one.text} ({one.count} of {one.of})") for one in nearest]
    return "\n".join([f"You have {data.points} points.", *mine, *ahead])


def _how_far(one: Ahead) -> float:
    return one.count / max(1, one.of)


@told(Achieved)
def achieved(notice: Achieved, sight: Sight) -> str:
    """Say what was achieved."""
    return styled(
        "good", f"You have achieved {notice.title}: {notice.text} {notice.points} points, {notice.total} in all."
    )

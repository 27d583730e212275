"""How a client's view of the world follows quests: experience."""

from gameserver.game import Packet, View, follows


@follows("turnin")
def paid(view: View, event: Packet, data: Packet) -> None:
    """I was paid."""
    view.me["xp"] = data["total"]

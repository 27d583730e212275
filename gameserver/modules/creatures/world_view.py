"""How a client's view follows creatures: which of them are the player's own."""

from gameserver.game import Packet, View, follows


@follows("tame")
@follows("release")
@follows("pets")
def mine(view: View, event: Packet, data: Packet) -> None:
    """These are mine."""
    view.me["companions"] = data["companions"]

"""How a client's view of the world begins: who I am."""

from gameserver.game import Packet, View, follows


@follows("register")
@follows("login")
@follows("resume")
def entered(view: View, event: Packet, data: Packet) -> None:
    """I am in the world. Where, and in what health, other modules add."""
    view.me |= {"id": data["player"], "name": data["name"]}

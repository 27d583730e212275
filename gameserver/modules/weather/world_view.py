"""How a client's view of the world follows the sky."""

from gameserver.game import Packet, View, follows


@follows("skies")
def skies(view: View, notice: Packet) -> None:
    """The sky is as was told last."""
    view.me["sky"] = {"part": notice["part"], "weather": notice["weather"]}

"""How a client's view of the world follows combat: health, death, experience."""

from gameserver.game import Packet, View, follows
from gameserver.modules.movement.world_view import arrive


@follows("register")
@follows("login")
@follows("resume")
def entered(view: View, event: Packet, data: Packet) -> None:
    """I am in the world, in this health."""
    view.me |= {key: data[key] for key in ("hp", "hp_max", "xp") if key in data}


@follows("attack")
def struck_someone(view: View, event: Packet, data: Packet) -> None:
    """My blow fell."""
    view.change(data["target"], hp=data["hp"])


@follows("struck")
def struck(view: View, notice: Packet) -> None:
    """A blow fell, on me or in view."""
    view.change(notice["target"], notice.get("v"), hp=notice["hp"])


@follows("died")
def died(view: View, notice: Packet) -> None:
    """I died, or someone in view."""
    view.change(notice["who"], hp=0)


@follows("respawned")
def respawned(view: View, notice: Packet) -> None:
    """I am alive again, and stand there."""
    arrive(view, notice)
    view.me["hp"] = notice["hp"]


@follows("rewarded")
def rewarded(view: View, notice: Packet) -> None:
    """I gained experience."""
    view.me["xp"] = notice["total"]

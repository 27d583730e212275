"""How a client's view of the world follows movement: where I am, and who is around."""

from typing import Any

from gameserver.game import Packet, View, follows
from gameserver.modules.movement.view import CELL


def arrive(view: View, there: Packet) -> None:
    """Stand there from now on; where that is in another cell, a view is due. Those of another zone are out of view."""
    if view.me.get("zone") != there["zone"]:
        view.beings = {}
    if _cell(view.me) != _cell(there):
        view.expect_view()
    view.me |= {key: there[key] for key in ("zone", "x", "y")}


def _cell(at: Packet) -> tuple[Any, int, int]:
    return at.get("zone"), at.get("x", -CELL) // CELL, at.get("y", -CELL) // CELL


@follows("register")
@follows("login")
@follows("resume")
def entered(view: View, event: Packet, data: Packet) -> None:
    """I am in the world, here."""
    arrive(view, data)


@follows("move")
def moved_myself(view: View, event: Packet, data: Packet) -> None:
    """Where I stand is what the replies to my moves say."""
    arrive(view, data)
    view.me |= data


@follows("view")
def looked_around(view: View, notice: Packet) -> None:
    """All that is in view; what is newer stays."""
    view.me |= {**notice["you"], "zone": notice["zone"]}
    view.show_only(notice["beings"], lambda being: _sees(view.me, being))


def _sees(me: Packet, other: Packet) -> bool:
    return all(abs(me[axis] // CELL - other[axis] // CELL) <= 1 for axis in ("x", "y"))


@follows("appeared")
def appeared(view: View, notice: Packet) -> None:
    """Someone is in view, or changed; of me that may be older than the reply to my last move."""
    being = notice["being"]
    if being["id"] != view.me.get("id"):
        view.show(being)
    else:
        view.change(being["id"], **{key: value for key, value in being.items() if key not in ("id", "x", "y")})


@follows("moved")
def moved(view: View, notice: Packet) -> None:
    """Someone else walked."""
    if notice["who"] in view.beings:
        view.change(notice["who"], notice["v"], x=notice["x"], y=notice["y"])


@follows("vanished")
def vanished(view: View, notice: Packet) -> None:
    """Someone is out of view."""
    view.hide(notice["who"], notice["v"])

"""The world as a client sees it, computed from notices and replies, without I/O.

Which notice changes what, the modules of the game declare (``gameserver.declare.client_view``). Notices of different
senders may overtake each other. Each change of a being has a number, ``v``: a notice that is older than what is known
already is ignored, also for beings that have just left the view. Whoever appears while a whole view is due may be
missing in that, and is kept.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from gameserver.client.packet_types import Packet
from gameserver.declare.client_view import Follows

GONE_KEPT_MAX = 256


class WorldView:
    """``me``: the player, as the game tells it. ``beings``: the others in view, by id.

    ``follows``: the functions that change it, by the notice or event which they follow.
    """

    def __init__(self, follows: Follows) -> None:
        self.me: Packet = {}
        self.beings: dict[str, Packet] = {}
        self._gone: OrderedDict[str, int] = OrderedDict()  # the ``v`` with which a being left the view
        self._fresh: set[str] = set()  # those who appeared since a view is due
        self._is_view_due = False
        self._follows = follows

    def apply_reply(self, event: Packet, data: Packet) -> None:
        """Follow the successful reply to an event."""
        for follow in self._follows.get(event["type"], ()):
            follow(self, event, data)

    def apply_notice(self, notice: Packet) -> None:
        """Follow a notice; what nobody follows is ignored."""
        for follow in self._follows.get(notice["type"], ()):
            follow(self, notice)

    # What those functions use.

    def show(self, being: Packet) -> None:
        """Note that someone is in view."""
        if being["v"] >= self._gone.get(being["id"], 0):
            self._gone.pop(being["id"], None)
            self.beings[being["id"]] = _newer(self.beings.get(being["id"]), being)
            if self._is_view_due:
                self._fresh.add(being["id"])

    def expect_view(self) -> None:
        """Note that all that is in view will be told: the player stands elsewhere."""
        self._is_view_due = True
        self._fresh = set()

    def show_only(self, beings: list[Packet], keep: Callable[[Packet], bool]) -> None:
        """Note that these are in view, and of those who appeared since a view is due whom ``keep`` accepts."""
        known = self.beings
        here = [being for being in beings if being["v"] >= self._gone.get(being["id"], 0)]
        kept = {id_: known[id_] for id_ in self._fresh if id_ in known and keep(known[id_])}
        self.beings = kept | {being["id"]: _newer(known.get(being["id"]), being) for being in here}
        self._is_view_due = False
        self._fresh = set()

    def hide(self, who: str, v: int) -> None:
        """Note that someone is out of view, since a change of this number."""
        if v < self.beings.get(who, {"v": v})["v"]:
            return
        self.beings.pop(who, None)
        self._gone.pop(who, None)
        self._gone[who] = v
        if len(self._gone) > GONE_KEPT_MAX:
            self._gone.popitem(last=False)

    def change(self, who: str, v: int | None = None, **fields: Any) -> None:
        """Change fields of someone in view, or of the player; without ``v`` whichever is newer."""
        being = self.me if who == self.me.get("id") else self.beings.get(who)
        if being is None:
            return
        known = being.get("v", 0)
        if v is None or v >= known:
            being |= {**fields, "v": known if v is None else v}


def _newer(known: Packet | None, received: Packet) -> Packet:
    return known if known is not None and known["v"] > received["v"] else dict(received)

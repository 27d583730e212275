"""Find the player whose event it is, and others, by name or id; check that they can be sent mail."""

from typing import Protocol

from gameserver.game import Context, Event, NotNow, Rejected, State, has_room_for_mail
from gameserver.modules.sessions.entities import Player
from gameserver.modules.sessions.events import Login, Register, Resume


def player_id(name: str) -> str:
    """Names that differ in capitals only are one player's."""
    return name.lower()


def actor(state: State, context: Context) -> Player:
    """The player whose event it is. Raises ``NotNow`` ``not_here`` when not in the world.

    That is so when the connection was lost while the event was under way: a resumed session sends it again.
    """
    player = state.get(Player, context.player)
    if player is None or not player.present:
        raise NotNow("not_here", "You are not in the world.")
    return player


class Named(Protocol):
    """A player, or what stands for one."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...


def check_mailbox(state: State, receiver: Named) -> None:
    """Raises ``Rejected`` ``mailbox_full`` when there is no room for a durable notice."""
    if not has_room_for_mail(state, receiver.id):
        raise Rejected("mailbox_full", f"{receiver.name} has too many messages waiting.")


def comes_and_goes(event: Event, context: Context) -> str:
    """The id of the player who enters or leaves by an event of sessions, "" where it is nobody's: for hooks' needs."""
    if isinstance(event, Register | Login):
        return player_id(event.name)
    return context.prepared.player if isinstance(event, Resume) else context.player

"""Sessions in words."""

from msgspec.structs import asdict

from gameserver.game import Sight, answered, command, gmcp, styled
from gameserver.modules.sessions.events import Entered, Login, Logout, Register, Resume

command("quit", Logout, also=("logout",), what="Leave the world.")


@answered(Login, Register, Resume)
def entered(data: Entered, event: Login | Register | Resume, sight: Sight) -> str:
    """Say who and where the player is."""
    sight.me |= {"id": data.player, **asdict(data)}
    greeting = (
        f"Welcome, {styled('name', data.name)}." if isinstance(event, Register) else f"You are {data.name} again."
    )
    return f"{greeting} Type help to learn what you can do, quit to leave."


@gmcp("Char.Name", Entered)
def char_name(data: Entered, sight: Sight) -> dict[str, object]:
    """Who the player is."""
    return {"name": data.name, "fullname": data.name}

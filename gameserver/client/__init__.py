"""The client library, on asyncio: connect, enter the world, send events, hear notices.

    async with Client.connect("127.0.0.1", 4000) as ada:
        await ada.register("ada", "a long secret")
        await ada.send("move", dir="n")
        async for notice in ada.notices():
            print(notice["type"], ada.me["x"], ada.me["y"], len(ada.beings))

A lost connection is resumed behind the scenes: what was sent and not answered is sent again, and takes effect once.
"""

from gameserver.client.backoff import FOREVER, Backoff
from gameserver.client.client import Client
from gameserver.client.errors import ConnectionLost, Refused
from gameserver.client.limits import ClientLimits

__all__ = ["FOREVER", "Backoff", "Client", "ClientLimits", "ConnectionLost", "Refused"]

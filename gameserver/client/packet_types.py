"""The types of what a client sends and receives."""

import asyncio
from typing import Any

Packet = dict[str, Any]
Reply = asyncio.Future[Packet]

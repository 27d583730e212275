"""What a gateway imports, for a parent of which it is a fork: all but what makes a reactor, which no fork may share."""

from importlib import import_module

IMPORTED = (
    "gameserver.declare.hooks",
    "gameserver.messages.outbound",
    "gameserver.security.sealing",
    "gateway.net.endpoints",
    "gateway.net.reactor",
    "pika",
    "prometheus_client",
    "twisted.application.service",
)

for name in IMPORTED:
    import_module(name)

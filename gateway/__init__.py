"""The gateway: packets and sockets, and nothing of the game.

``protocol`` holds sockets, ``session`` a connection's state, ``lanes`` and ``batches`` the way to the queue, ``broker``
the queue, ``interest`` and ``hub`` the way back. ``service`` wires them together.
"""

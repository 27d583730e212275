"""The gateway: packets and sockets, and nothing of the game.

``net`` holds sockets, ``connections`` what is known of each client, ``ingress`` leads from clients to the queue,
``amqp`` is the connection to the queue, ``egress`` leads back to clients. ``hub`` passes between them, and ``service``
wires a gateway together.
"""

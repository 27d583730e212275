"""The gateway: packets and sockets, and of the game nothing but its sessions' events.

``net`` holds sockets, ``connections`` what is known of each client, ``ingress`` leads from clients to the queue,
``amqp`` is the connection to the queue, ``egress`` leads back to clients. ``hub`` passes between them, and ``service``
wires a gateway together.
"""

"""Every bound of the client library, named in one place."""

import msgspec


class ClientLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of one client. Units stand last in the names; others are counts.

    ``window``: events that may be unanswered at a time; 0 means as many as the server's ``lane_waiting_max``.
    ``silence_s_max``: after so much silence the server is pinged, and after as much again the connection is lost.
    ``connect_s_max``: for one address to accept a connection. ``attempt_s_max``: for one attempt to connect, be greeted
    and, where there is a session, resume it.
    """

    window: int = 0
    notices_max: int = 1_000
    ids_kept: int = 1_024
    ack_ids_max: int = 64
    ack_delay_s: float = 0.2
    silence_s_max: float = 5.0
    connect_s_max: float = 5.0
    attempt_s_max: float = 15.0
    close_timeout_s: float = 2.0

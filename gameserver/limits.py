"""Every bound of a server, named in one place and checked against each other.

Each has a default here and an environment variable: ``GAMESERVER_`` and its name in capitals (read by ``config``).
"""

import msgspec

from gameserver.errors import Corrupt


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds. Units stand last in the names: bytes, chars, s (seconds), ms (milliseconds); others are counts."""

    # What one client may send.
    frame_bytes_max: int = 8_192
    json_depth_max: int = 8
    packets_per_s: float = 50.0
    packets_burst: int = 100
    lane_waiting_max: int = 32
    lane_flight_max: int = 16

    # How many clients, and for how long.
    connections_max: int = 20_000
    connections_per_address_max: int = 20_000
    login_timeout_s: float = 30.0
    idle_s_max: float = 300.0
    close_timeout_s: float = 15.0

    # What may wait for one client that reads slowly: past ``soft`` only what matters, past ``max`` it is cut off.
    write_buffer_soft_bytes: int = 65_536
    write_buffer_bytes_max: int = 262_144

    # Batches towards the queue, and how often clients are written to.
    batch_events_max: int = 800
    batches_in_flight_max: int = 2
    batch_flight_ms_max: int = 500
    latency_budget_ms: int = 100
    far_position_ms_max: int = 1000

    # The queue.
    queue_messages_max: int = 50_000
    deliveries_max: int = 50
    gateway_waiting_max: int = 20_000
    publish_confirm_timeout_s: float = 10.0
    unavailable_after_s: float = 5.0
    republish_after_s: float = 45.0
    gateway_prefetch: int = 500
    gateway_queue_messages_max: int = 20_000
    gateway_queue_bytes_max: int = 134_217_728

    # The data tier.
    outcomes_kept: int = 64


def check(limits: Limits) -> None:
    """Check the limits against each other. Raises ``Corrupt`` (code ``bad_setting``) with the two that disagree."""
    for small, large in (
        ("lane_flight_max", "batch_events_max"),
        ("latency_budget_ms", "far_position_ms_max"),
        ("frame_bytes_max", "write_buffer_soft_bytes"),
        ("write_buffer_soft_bytes", "write_buffer_bytes_max"),
        ("connections_per_address_max", "connections_max"),
        ("lane_waiting_max", "gateway_waiting_max"),
        ("batch_events_max", "queue_messages_max"),
        ("gateway_prefetch", "gateway_queue_messages_max"),
    ):
        if getattr(limits, small) > getattr(limits, large):
            raise Corrupt(
                "bad_setting", f"{small} ({getattr(limits, small)}) must not exceed {large} ({getattr(limits, large)})."
            )
    if limits.outcomes_kept < limits.lane_waiting_max + limits.lane_flight_max:
        raise Corrupt(
            "bad_setting",
            "outcomes_kept must be at least lane_waiting_max + lane_flight_max, "
            "or a resumed client could ask for an outcome already forgotten.",
        )

"""What the stories of sabotages are about, where few of all would show anything."""

from typing import Any

from tests.simulation.story import Chances

CRASHING: dict[str, Any] = {
    "moves": frozenset({"family_away", "kill_worker"}),
    "chances": Chances(crash=0.5, ack_lost=0.3, switch=0.1, move=0.05),
    "actions": 40,
    "poisons": (),
}
# Stories in which what matters happens often.
SEEN: dict[str, Any] = {
    "moves": frozenset(),
    "chances": Chances(switch=0.3, poison=0.3),
    "actions": 30,
    "poisons": ("stranger",),
    "one_writer": False,
}
NEWER: dict[str, Any] = {"moves": frozenset({"foreign_field"}), "chances": Chances(move=0.08), "poisons": ()}
LOCKED: dict[str, Any] = {
    "moves": frozenset({"foreign_lock"}),
    "chances": Chances(ack_lost=0.5, switch=0.05, move=0.03),
    "wants": "attack",
    "poisons": (),
    "one_writer": False,
    "republish_after_s": 45.0,
    "actions": 14,
    "steps": 200,
}
VISITED: dict[str, Any] = {
    "moves": frozenset({"visitor", "visitor_leaves", "restart_broker", "cut", "mend"}),
    "chances": Chances(move=0.2, delayed=0.3),
    "actions": 20,
    "steps": 400,
    "poisons": (),
}
WALKING: dict[str, Any] = {"actions": 20, "steps": 200, "poisons": (), "wants": "move"}
SKEWED = {**WALKING, "moves": frozenset({"skew", "time_passes", "hang_up"}), "chances": Chances(move=0.06)}
RESUMED: dict[str, Any] = {
    "moves": frozenset({"skew", "kill_gateway", "family_away", "kill_worker", "hang_up", "time_passes"}),
    "chances": Chances(move=0.15, delayed=0.1, crash=0.2, ack_lost=0.2),
    "actions": 20,
    "steps": 400,
    "poisons": (),
}
DEAF = {**WALKING, "moves": frozenset({"cut", "mend", "time_passes"}), "chances": Chances(move=0.05)}
HUNTING: dict[str, Any] = {
    "moves": frozenset({"time_passes"}),
    "chances": Chances(ack_lost=0.5, publish_lost=0.1, delayed=0.3),
    "wants": "attack",
    "actions": 30,
    "steps": 300,
    "poisons": (),
}
REVOKED: dict[str, Any] = {
    "moves": frozenset({"revoke", "time_passes"}),
    "chances": Chances(move=0.05),
    "actions": 14,
    "steps": 150,
    "poisons": (),
    "republish_after_s": 45.0,
}

ECONOMY: dict[str, Any] = {
    "economy": True,
    "chances": Chances(crash=0.1, ack_lost=0.1, switch=0.1, move=0.02),
    "actions": 30,
    "poisons": (),
}
ADVENTURES: dict[str, Any] = {**ECONOMY, "adventures": True, "actions": 60, "steps": 300}

TRAVELLING: dict[str, Any] = {**ECONOMY, "travels": True}
FIGHTING: dict[str, Any] = {
    "fights": True,
    "chances": Chances(crash=0.1, ack_lost=0.1, switch=0.1, move=0.02),
    "actions": 80,
    "steps": 300,
    "poisons": (),
}
BUILDING: dict[str, Any] = {
    **ECONOMY,
    "builds": True,
    "moves": frozenset({"kill_worker", "time_passes"}),
    "chances": Chances(crash=0.1, ack_lost=0.1, switch=0.2, move=0.06),
    "actions": 40,
    "steps": 300,
}
GROUPED: dict[str, Any] = {**TRAVELLING, "moves": frozenset(), "actions": 60, "steps": 300, "adventures": True}
# Much is under way at once when an instance ends, and some of its visitors are not in the world.
RETURNING: dict[str, Any] = {
    **TRAVELLING,
    "moves": frozenset({"hang_up", "kill_gateway", "time_passes"}),
    "chances": Chances(switch=0.5, delayed=0.2, move=0.1),
    "adventures": False,
    "actions": 40,
    "steps": 200,
    "one_writer": False,
}
DYING: dict[str, Any] = {**TRAVELLING, "chances": Chances(crash=0.5, switch=0.2, move=0.02)}
BUSY: dict[str, Any] = {**ECONOMY, "actions": 60, "steps": 300}
HURT: dict[str, Any] = {**FIGHTING, "economy": True}

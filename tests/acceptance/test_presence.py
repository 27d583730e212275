"""Who is in the world stays there, whoever is not served."""

import time

from gameserver.declare import catalogue
from gameserver.declare.session_events import GATEWAY_SILENT_MS
from gameserver.maps.world import load_world
from gameserver.modules.sessions.entities import EARS, Gateway, Player
from gameserver.modules.world.entities import PULSE, ZoneClock
from gameserver.modules.world.rules import TICK_MS
from gameserver.store import Store
from gameserver.testing.deployment import Deployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.processes import eventually
from tests.selections import selected

OTHERS = tuple(family for family in catalogue.families() if family != "sessions")
BEYOND_MS = 5_000  # several sweeps after a gateway may count as dead


def test_players_stay_in_the_world_while_nobody_serves_sessions(deployment: Deployment) -> None:
    deployment.beat()
    deployment.worker(*OTHERS, name="others")
    sessions = deployment.worker("sessions", name="sessions")
    store = Store(deployment.database_url, load_world(deployment.settings.world_file))

    def unheard_ms() -> int:
        """For how long no gateway was heard, by the world's own pulse, which goes on."""
        with store.transaction() as transaction:
            state = transaction.load([selected(clocks=(PULSE,), gateways=(EARS,), players=("ada",))])
        assert state.of(Player)["ada"].present
        return state.of(ZoneClock)[PULSE].tick * TICK_MS - state.of(Gateway)[EARS].seen_ms

    with LineClient(deployment.gateway().port) as ada:
        ada.register("Ada")
        eventually(lambda: unheard_ms() < TICK_MS, "a heartbeat", 10)
        sessions.terminate()
        sessions.wait()
        began_s = time.monotonic()
        eventually(lambda: unheard_ms() > GATEWAY_SILENT_MS + BEYOND_MS, "silence", 60)
        assert (time.monotonic() - began_s) * 1000 > GATEWAY_SILENT_MS
        assert ada.ask("purse")["type"] == "ok"
        deployment.worker("sessions", name="again")
        eventually(lambda: unheard_ms() < TICK_MS, "a heartbeat", 20)
        assert ada.ask("purse")["type"] == "ok"
    store.close()

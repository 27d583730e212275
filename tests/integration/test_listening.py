from gameserver.testing.deployment import Deployment
from gameserver.testing.line_client import LineClient
from gameserver.testing.processes import eventually

ENOUGH = 40  # connections, so that not all of them fall to one of two gateways


def test_two_gateways_share_a_port_and_one_goes_on_alone(deployment: Deployment):
    first = deployment.gateway("first", env={"GAMESERVER_ENDPOINTS": "shared:0:interface=127.0.0.1"})
    second = deployment.gateway("second", env={"GAMESERVER_ENDPOINTS": f"shared:{first.port}:interface=127.0.0.1"})
    assert second.port == first.port
    assert {greeted_by(first.port) for _ in range(ENOUGH)} == {first.id, second.id}
    first.kill()
    eventually(lambda: not first.alive, "its end")
    assert {greeted_by(second.port) for _ in range(ENOUGH)} == {second.id}


def greeted_by(port: int) -> str:
    with LineClient(port, greet=False) as client:
        client.send(type="hello", protocol=1)
        return str(client.expect("welcome")["gateway"])

import socket

import pytest

from gameserver.errors import Corrupt
from gameserver.local.ports import LOCAL, Listener, Ports, accepts, check_free, gateway_listeners
from gameserver.testing.ports import free_ports


@pytest.fixture
def taken():
    with socket.create_server((LOCAL, 0)) as server:
        yield server.getsockname()[1]


def test_ports_come_from_the_environment_and_otherwise_stand_beside_the_usual_ones():
    assert Ports.from_env({}) == Ports(broker=5682, management=15682, distribution=25682, epmd=4379, flower=5555)
    assert Ports.from_env({"GAMESERVER_FLOWER_PORT": "6000"}).flower == 6000


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "65536", "1.5"])
def test_a_port_that_is_none_is_refused_with_its_variable(text):
    with pytest.raises(Corrupt, match="GAMESERVER_EPMD_PORT"):
        Ports.from_env({"GAMESERVER_EPMD_PORT": text})


def test_a_taken_port_is_named_with_the_setting_that_moves_it(taken):
    with pytest.raises(Corrupt) as refused:
        check_free([Listener("Flower", LOCAL, taken, "GAMESERVER_FLOWER_PORT")])
    assert refused.value.code == "port_taken"
    assert str(taken) in refused.value.message
    assert "Flower" in refused.value.message
    assert "GAMESERVER_FLOWER_PORT" in refused.value.message


def test_all_taken_ports_are_named_at_once(taken):
    with socket.create_server((LOCAL, 0)) as other:
        ports = [taken, other.getsockname()[1]]
        with pytest.raises(Corrupt) as refused:
            check_free([Listener("part", LOCAL, port, "SETTING") for port in ports])
    assert all(str(port) in refused.value.message for port in ports)


def test_free_ports_are_different_and_can_be_had():
    ports = free_ports(20)
    assert len(set(ports)) == 20
    check_free([Listener("part", LOCAL, port, "SETTING") for port in ports])


def test_accepts_tells_a_listener_from_none(taken):
    assert accepts(LOCAL, taken)
    assert not accepts(LOCAL, free_ports(1)[0])


@pytest.mark.parametrize(
    ("endpoint", "host", "port"),
    [
        ("tcp:4000:interface=127.0.0.1", "127.0.0.1", 4000),
        ("tcp:4000", "127.0.0.1", 4000),
        ("tcp:port=4001:interface=0.0.0.0", "127.0.0.1", 4001),
        ("ssl:4443:privateKey=var/key.pem:certKey=var/cert.pem", "127.0.0.1", 4443),
        (r"tcp6:4002:interface=\:\:1", "::1", 4002),
    ],
)
def test_the_gateways_addresses_are_read_from_its_endpoints(endpoint, host, port):
    (listener,) = gateway_listeners([endpoint])
    assert (listener.host, listener.port, listener.setting) == (host, port, "GAMESERVER_ENDPOINTS")


def test_an_endpoint_without_a_port_is_nobodys_listener():
    assert gateway_listeners(["unix:/tmp/gateway.sock"]) == []

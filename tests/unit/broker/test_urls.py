import ssl
from pathlib import Path

import pytest

from gameserver.broker.urls import Node, for_kombu, nodes, tls_for_kombu
from gameserver.errors import Corrupt

CA = "?cacertfile=/run/ca.pem"


def test_a_cluster_has_several_addresses() -> None:
    assert nodes("amqp://a//") == [Node("amqp://a/%2F")]
    assert nodes("amqp://a//; amqp://b/games;") == [Node("amqp://a/%2F"), Node("amqp://b/games")]


def test_an_authority_is_told_from_the_address() -> None:
    assert nodes(f"amqps://a/%2F{CA}&heartbeat=5") == [Node("amqps://a/%2F?heartbeat=5", Path("/run/ca.pem"))]
    assert for_kombu(f"amqps://a/%2F{CA};amqps://b/%2F{CA}") == "amqps://a/%2F;amqps://b/%2F"


def test_without_tls_nothing_is_said_of_it() -> None:
    assert tls_for_kombu("amqp://a//;amqp://b//") is None


@pytest.mark.parametrize(("query", "file"), [(CA, "/run/ca.pem"), ("", None)])
def test_with_tls_certificate_and_name_are_checked(query: str, file: str | None) -> None:
    told = tls_for_kombu(f"amqps://a/%2F{query}")
    assert told == {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": file, "server_hostname": None}


@pytest.mark.parametrize("url", ["amqps://a//;amqp://b//", f"amqps://a/%2F{CA};amqps://b/%2F"])
def test_nodes_that_are_reached_in_different_ways_are_a_mistake(url: str) -> None:
    with pytest.raises(Corrupt, match="all nodes must be reached with TLS and one cacertfile"):
        tls_for_kombu(url)

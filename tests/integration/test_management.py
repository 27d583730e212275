"""What a real broker's management says of its descriptors."""

from gameserver.operations.management import ask_management
from gameserver.testing.processes import eventually
from gameserver.testing.rabbitmq_node import RunningNode


def test_a_node_says_how_many_descriptors_it_has_and_uses(private_node: RunningNode) -> None:
    url = private_node.management_url()

    def says() -> bool:  # a few seconds after its start
        return all(0 < node.fd_used < node.fd_total for node in ask_management(url).nodes)

    eventually(lambda: bool(ask_management(url).nodes) and says(), "a node that counts its descriptors")
    assert "401" in ask_management(url.replace(private_node.password, "wrong")).fault

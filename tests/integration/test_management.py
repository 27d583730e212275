"""What a real broker's management says of its descriptors."""

from gameserver.operations.management import ask_management
from gameserver.testing.rabbitmq_node import RunningNode


def test_a_node_says_how_many_descriptors_it_has_and_uses(private_node: RunningNode) -> None:
    (node,) = ask_management(private_node.management_url).nodes
    assert 0 < node.fd_used < node.fd_total
    assert "401" in ask_management(private_node.management_url.replace(private_node.password, "wrong")).fault

"""How processes begin."""

"""Messages: what travels through the queue between gateways, processes and operators."""

"""The broker: its exchanges and queues, how they are declared and reached, and the permissions of its users."""

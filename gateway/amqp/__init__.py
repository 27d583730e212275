"""The gateway's connection to RabbitMQ."""

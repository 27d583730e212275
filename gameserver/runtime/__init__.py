"""Runtime: what every process needs that has nothing to do with the game: logs, health, Prometheus."""

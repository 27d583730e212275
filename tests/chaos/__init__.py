"""Chaos: real processes, real faults on a seeded schedule, players who write everything down, and a checker."""

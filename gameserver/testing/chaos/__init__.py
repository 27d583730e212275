"""Faults on a server of real processes, clients that play meanwhile, and the verdict on what came of it."""

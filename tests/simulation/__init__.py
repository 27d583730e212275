"""The whole cluster in one process, with an adversary: real gateways and processes; queue, database and clock are not.

``story`` says what a seed is about, ``moves`` what the adversary may do, ``processes`` and ``scheduler`` let workers
come between each other, ``memory_store`` and ``parcels`` stand for database and broker, ``journal`` writes down what
took effect, ``findings`` says what contradicts, ``sabotages`` what must be found out. ``python -m tests.simulation``.
"""

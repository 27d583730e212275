"""How fast this server is, beside what else one would build: ``python -m tests.benchmarks --help``.

``load`` plays the clients, ``servers`` starts what is measured (this server, the *floor*, the *usual way*), ``point``
is one measurement, ``search`` looks for the largest load, ``report`` and ``plots`` say what came of it. The method
stands in docs/performance.md.
"""

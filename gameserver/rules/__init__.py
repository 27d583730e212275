"""The game's rules: pure functions of state, event and context, one module per family.

A rule is named like its event and stands in the module named like its family. It reads ``State``, changes nothing, and
returns an ``Outcome``; time and randomness come in with the context.
"""

"""What the engine knows of rules: their needs, what goes in and what comes out, the book of all, hooks, watermarks.

The rules themselves stand in the modules (``modules/NAME/rules.py``). A rule is named like its event. It reads
``State``, changes nothing, and returns an ``Outcome``; time and randomness come in with the context.
"""

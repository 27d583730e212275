"""Every event of the game, declared once: what it carries, how it travels, who answers for it.

One module per family; the family's name is the module's. ``catalogue`` gathers them, ``envelope`` carries them.
"""

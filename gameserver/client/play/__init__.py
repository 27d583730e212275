"""``gameserver play``: a player's client in a terminal, over ssh too.

``game`` is what is played, without a screen: lines in, prose and a map out, by what the game's modules declare in their
``text.py``. ``app`` shows it with Textual (the extra ``play``).
"""

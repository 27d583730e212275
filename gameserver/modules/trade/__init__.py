"""Trade: what each player has in its purse, and gifts of coins (``give``). Exchanges of two sides are in ``barter``."""

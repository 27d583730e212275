"""Trade: what each player has in its purse, and gifts of coins (``give``). Offers of two sides are in ``barter``."""

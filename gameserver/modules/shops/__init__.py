"""Shops: people who sell what they have in stock, and buy what they can use."""

"""Declaring: what a declaration of an event type or a notice is made of, the catalogue, and where each stands."""

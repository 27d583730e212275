"""Properties are held against examples however busy the machine is: no deadline for a single one."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None, max_examples=50)
settings.load_profile("unhurried")

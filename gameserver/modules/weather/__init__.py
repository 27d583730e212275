"""Weather: the time of day, and what falls from the sky where there is one."""

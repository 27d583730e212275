"""Local: everything on one machine, as `gameserver up` starts it."""

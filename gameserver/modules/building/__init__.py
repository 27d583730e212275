"""Building: game masters change maps while they are played."""

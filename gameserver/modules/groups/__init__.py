"""Groups: players who go together, see how each other are, and talk among themselves."""

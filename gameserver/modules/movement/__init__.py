"""Movement: steps, and what is in view."""

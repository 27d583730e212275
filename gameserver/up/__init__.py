"""The whole house on one machine: a private broker, every process, and a supervisor that restarts what dies."""

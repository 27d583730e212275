"""The whole house in one process: real gateway and processes, fake queue, database and clock, thousands of seeds."""

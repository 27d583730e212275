"""Security: sealed secrets, passwords, and the files that hold keys."""

"""Give the tests of a game what the engine's own tests use: scenes for rules, and a private server with clients."""

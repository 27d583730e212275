"""Games: packages that name their modules and hold their world's data. See ``declare.game_package``."""

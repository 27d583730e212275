"""Games: packages that name their modules and hold their world's data. One of them is played, see ``declare.game``."""

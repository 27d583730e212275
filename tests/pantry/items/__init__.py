"""Items that lie about and are carried."""

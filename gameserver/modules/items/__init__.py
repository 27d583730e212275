"""Items: things that lie, are carried, worn, used up, kept in bags, and dropped by creatures."""

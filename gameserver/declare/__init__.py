"""What declaring is made of: the words for a field's type, and the place in a file where something was declared."""

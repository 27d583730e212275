"""What operators and developers ask of a game: for now its catalogue, as a document, and compared with another one."""

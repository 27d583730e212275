"""Operations: what operators and developers ask of a running deployment and of its catalogue."""

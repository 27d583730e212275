"""The broker: what stands on it, how it is declared and reached, and who may do what there."""

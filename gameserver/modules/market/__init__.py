"""Market: things for sale at a price, or to the highest bid."""

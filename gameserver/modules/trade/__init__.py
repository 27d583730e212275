"""Trade: coins from purse to purse."""

"""Sessions: who may enter, and what gateways say of themselves."""

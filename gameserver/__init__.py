"""What every tier shares: events, wire protocol, pure rules, the data tier and the command line."""

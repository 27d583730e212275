"""Ten machines on one: network namespaces, and a switch between them that delays, loses and cuts."""

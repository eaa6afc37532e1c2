"""How fast mail may leave, to each provider and in all: limits that every worker shares."""

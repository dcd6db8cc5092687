"""`YacePotential` → kernel programs, in products of A's or coupled products."""

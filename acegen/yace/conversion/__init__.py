"""A basis and its coefficients → `YacePotential`."""

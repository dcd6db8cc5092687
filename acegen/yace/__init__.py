"""Potentials of ML-PACE: `.yace` files in and out, as kernel programs and from fits."""

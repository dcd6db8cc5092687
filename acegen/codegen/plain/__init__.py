"""The plain backend: portable scalar C99, loops over tables of constants."""

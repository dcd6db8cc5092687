"""When not to trust a fitted potential: grades of environments, a calibrated committee, how well they tell errors."""

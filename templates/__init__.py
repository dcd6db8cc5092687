"""Jinja templates of a module (with the ABI header), of each backend, and of exports; named as what they make."""

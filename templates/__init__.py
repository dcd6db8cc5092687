"""Jinja templates: of a module (`module`, with the ABI header), of each backend, of exports; named as what they make."""

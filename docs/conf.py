"""Settings of Sphinx: `make docs`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

from acegen.version import __version__

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "acegen"
author = "the acegen developers"
copyright = "the acegen developers"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinxcontrib.mermaid",
    "c_header",
    "command_line",
    "settings_tables",
]
exclude_patterns = ["**/*.j2", "extensions", "experiments/made"]
nitpicky = False

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]

default_role = "code"  # docstrings write code between single backquotes
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"  # users get models from functions, not from constructors
autodoc_type_aliases = {
    name: name
    for name in ("ArrayLike", "Floats", "Element", "SpecSource", "CoefficientSource", "UncertaintySource", "FitSource")
}
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = f"acegen {release}"
html_static_path = ["static"]
html_css_files = ["acegen.css"]
pygments_style = "friendly"
pygments_dark_style = "github-dark"
copybutton_exclude = ".linenos, .gp"


def plain_words(app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]) -> None:
    """In docstrings |x| is a norm, and no substitution of reST; of a property "size: of a cell" names no type.

    The letter that replaces the colon looks like one.
    """
    del app, name, value, options
    lines[:] = [re.sub(r"(?<!`)\|(?!`)", r"\\|", line) for line in lines]
    if what == "property" and lines:
        lines[0] = lines[0].replace(": ", "\ua789 ")


def named_aliases(
    app: Sphinx, what: str, name: str, value: object, options: object, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Aliases inside of other types by their names alone."""
    del app, what, name, value, options
    short = [text and re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", text) for text in (signature, returned)]
    return short[0], short[1]


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-signature", named_aliases)
    app.connect("autodoc-process-docstring", plain_words, priority=400)

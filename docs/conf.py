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
autodoc_type_aliases = {"ArrayLike": "ArrayLike", "Floats": "Floats"}  # and not what they stand for
napoleon_google_docstring = True
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = f"acegen {release}"
html_static_path = ["static"]
html_css_files = ["acegen.css"]
pygments_style = "friendly"
pygments_dark_style = "github-dark"
copybutton_exclude = ".linenos, .gp"


def bars_are_bars(app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]) -> None:
    """In docstrings |x| is a norm, and no substitution of reST; *args are no emphasis."""
    del app, what, name, value, options
    lines[:] = [re.sub(r"(?<!`)\|(?!`)", r"\\|", line) for line in lines]


def no_constructors(
    app: Sphinx, what: str, name: str, value: object, options: object, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Models are loaded, and settings are read: how they are constructed is no concern of users."""
    del app, value, options
    read = name.startswith("acegen.fit.") and name.endswith("Settings")
    if what == "class" and (read or name in ("acegen.Model", "acegen.ParticleModel")):
        return "", None
    return signature and readable(signature), returned and readable(returned)


def readable(annotations: str) -> str:
    """Names of aliases, also in unions, where Sphinx shows its own object."""
    named = re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", annotations)
    return re.sub(r"\bFloats\b", "NDArray[float64]", named)


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-signature", no_constructors)
    app.connect("autodoc-process-docstring", bars_are_bars, priority=400)

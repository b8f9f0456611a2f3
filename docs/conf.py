"""How Sphinx builds the site: `python -m sphinx -W --keep-going docs build/site`.

Nothing is fetched: no other project's inventory, no font and no script of another host, which
`offline` looks for in the built pages. What is made from the source stands in `docs/generated` and
`docs/gallery`, which git ignores.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT), str(DOCS / "_extensions")]

# Read when TensorFlow and matplotlib are imported.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "agg")

import musegen  # noqa: E402 - it is found by then

project = "musegen"
author = "The musegen developers"
copyright = "the musegen developers, under the MIT licence"
version = release = musegen.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
    # Those of `docs/_extensions`.
    "docstrings",
    "figures",
    "offline",
    "repository",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["sg_execution_times.rst", "gallery/sg_execution_times.rst"]
default_role = "py:obj"  # a name in docstrings, in single backticks, is a link if it can be one
nitpicky = False

# === Pages ===

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]

# === Reference ===

autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
maximum_signature_line_length = 88
python_display_short_literal_types = True
add_module_names = False
napoleon_numpy_docstring = False
napoleon_use_rtype = False
viewcode_line_numbers = True

# === Gallery ===

sphinx_gallery_conf = {
    "examples_dirs": [str(ROOT / "examples" / "gallery")],
    "gallery_dirs": ["gallery"],
    "filename_pattern": r"\.py$",
    "within_subsection_order": "gallery.ORDER",
    "image_scrapers": ("gallery.scrape_figures",),
    "reset_modules": ("gallery.prepare",),
    "capture_repr": ("_repr_html_", "__repr__"),
    "doc_module": ("musegen",),
    "show_signature": False,
    "remove_config_comments": True,
    "plot_gallery": True,
    "abort_on_example_error": False,
    "only_warn_on_example_error": False,
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,
}
warnings.filterwarnings("ignore", message=r".*FluidSynth.*")

# === Look ===

html_theme = "furo"
html_title = f"musegen {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
pygments_style = "friendly"
pygments_dark_style = "monokai"
html_theme_options = {"top_of_page_buttons": []}

"""Builds these pages into a site: `make docs`. They are plain Markdown and read as well on a code host.

Navigation is not written anywhere: what `index.md` links to, under each of its headings, is what stands in it.
"""

import re
from importlib.metadata import version as version_of

from sphinx.application import Sphinx

project = "dbkit"
author = "the authors of dbkit"
version = release = version_of("dbkit")
extensions = ["myst_parser"]
exclude_patterns = ["conf.py"]
nitpicky = True  # a link that leads nowhere ends the build, as `make docs` makes errors of warnings
myst_heading_anchors = 3
html_theme = "furo"
html_title = "dbkit"
html_copy_source = False
html_use_index = False
html_show_copyright = False
html_show_sphinx = False


def navigation(_: Sphinx, page: str, source: list[str]) -> None:
    """Add to the first page, hidden, a tree for each of its headings of the pages that are linked from there."""
    if page != "index":
        return
    for part in re.finditer(r"^## (.*?)\n(.*?)(?=^## |\Z)", source[0], re.DOTALL | re.MULTILINE):
        pages = "\n".join(re.findall(r"^- \[[^\]]*\]\(([^):]+)\.md\)", part[2], re.MULTILINE))
        if pages:
            source[0] += f"\n\n```{{toctree}}\n:caption: {part[1]}\n:hidden:\n\n{pages}\n```\n"


def setup(app: Sphinx) -> None:
    """Have the navigation made when the first page is read."""
    app.connect("source-read", navigation)

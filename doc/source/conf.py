# SPDX-License-Identifier: Apache-2.0

"""Sphinx configuration of the documentation."""

project = "glance_filters"
copyright = "the glance_filters developers"

extensions = [
    "oslo_config.sphinxext",
    "sphinx.ext.autodoc",
]

html_theme = "alabaster"
html_theme_options = {
    "description": "Paste Deploy filters for OpenStack Glance",
    "fixed_sidebar": True,
}
html_show_sourcelink = False

highlight_language = "none"
nitpicky = True

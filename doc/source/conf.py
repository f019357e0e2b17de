# SPDX-License-Identifier: Apache-2.0

"""Sphinx configuration of the documentation."""

project = "glance_filters"
copyright = "the glance_filters developers"

extensions = [
    "oslo_config.sphinxext",
    "sphinx.ext.autodoc",
]

# Not openstackdocstheme: on a phone, a page of it begins with two screens of
# navigation, and each page has the menus of openstack.org, of which this
# project is no part. Furo has the navigation behind a button there, lets wide
# tables scroll by themselves, and loads nothing from other servers.
html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_show_sourcelink = False

highlight_language = "none"
nitpicky = True

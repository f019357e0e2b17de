# SPDX-License-Identifier: Apache-2.0

"""Sphinx configuration of the release notes."""

project = "glance_filters release notes"
copyright = "the glance_filters developers"

extensions = ["reno.sphinxext"]

html_theme = "furo"
html_show_sourcelink = False

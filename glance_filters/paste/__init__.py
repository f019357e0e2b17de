# SPDX-License-Identifier: Apache-2.0

"""Paste files of Glance: read, edit, check and replace them."""

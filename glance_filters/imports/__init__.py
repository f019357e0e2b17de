# SPDX-License-Identifier: Apache-2.0

"""Plugins of Glance's image import. Only Glance loads them."""

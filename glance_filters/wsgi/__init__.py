# SPDX-License-Identifier: Apache-2.0

"""Responses and streams of PEP 3333; nothing here knows Glance."""

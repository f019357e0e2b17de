# SPDX-License-Identifier: Apache-2.0

"""Metadata definitions: files, their schema, and merging them in."""

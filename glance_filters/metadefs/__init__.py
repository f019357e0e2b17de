# SPDX-License-Identifier: Apache-2.0

"""Metadata definitions: the files, their schema, the merge into answers."""

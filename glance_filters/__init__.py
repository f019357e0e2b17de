# SPDX-License-Identifier: Apache-2.0

"""Pluggable paste-deploy filters for OpenStack Glance."""

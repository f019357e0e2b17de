# SPDX-License-Identifier: Apache-2.0

"""What a client can observe of the filters, tried on a running service.

The service may be any Glance: with the filters in it, behind the proxy, or
alone. Only images that the trial itself makes are changed, and they are
deleted at its end. Nothing here knows the filters: it sees what a client
sees.
"""

# SPDX-License-Identifier: Apache-2.0

"""The demonstration: real Glance, alone and with the filters."""

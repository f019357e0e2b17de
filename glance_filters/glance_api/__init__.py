# SPDX-License-Identifier: Apache-2.0

"""The Images API as a client uses it, read exactly as Glance reads it."""

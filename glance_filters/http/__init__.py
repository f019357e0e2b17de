# SPDX-License-Identifier: Apache-2.0

"""RFC text to values and back: pure functions on the standard library."""

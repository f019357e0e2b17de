# SPDX-License-Identifier: Apache-2.0

"""What exists only for releases of Glance before Range (Newton, Ocata)."""

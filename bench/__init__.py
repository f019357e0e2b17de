# SPDX-License-Identifier: Apache-2.0

"""Benchmarks: each figure compares two sides, measured in turns in one run."""

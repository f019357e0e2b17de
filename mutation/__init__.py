# SPDX-License-Identifier: Apache-2.0

"""Mutants of this package's code, and whether its unit tests kill them.

cosmic-ray makes them. It was chosen over mutmut, which changes only the bodies
of functions and runs only pytest: here constants and the tables of classes
matter too, and tests are unittest's.
"""

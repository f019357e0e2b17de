# SPDX-License-Identifier: Apache-2.0

"""The releases of Glance that the filters are tested with, side by side.

In an environment of each release, made from its file in ``pins``, run this
project's tests on that Glance, and Glance's own functional tests twice: as
they are, and with all filters in each pipeline that they build.
"""

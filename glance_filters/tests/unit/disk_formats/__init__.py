# SPDX-License-Identifier: Apache-2.0

import unittest

from glance_filters.tests.fixtures import optional

INSPECTORS = "oslo_utils.imageutils.format_inspector"
if optional.module(INSPECTORS) is None:
    raise unittest.SkipTest("this oslo.utils has no format inspectors")

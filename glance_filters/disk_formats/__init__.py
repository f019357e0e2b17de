# SPDX-License-Identifier: Apache-2.0

"""What image data is: detection, and the formats oslo.utils lacks."""

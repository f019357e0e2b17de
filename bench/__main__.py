# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Run with ``python -m bench``."""

from __future__ import annotations

import argparse
import sys

from bench import guard, table


def main() -> int:
    """Print all tables."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=300, help="of each side (default: 300)"
    )
    rounds: int = parser.parse_args().rounds
    table.show(
        "location_guard: a request to real Glance, with and without the guard",
        guard.measure_all(rounds),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

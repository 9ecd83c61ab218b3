#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# knobs: random writes over all parameters (FAULTLINE_WRITES, 100000): no value that a
# parameter may not have is ever read back.

. "$(dirname "$0")/../lib/knobs.sh"
knobs_test random --writes "${FAULTLINE_WRITES:-100000}"

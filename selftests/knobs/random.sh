#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# knobs: random writes to all parameters (FAULTLINE_WRITES, 100000): no invalid value is ever read
# back.

. "$(dirname "$0")/../lib/knobs.sh"
knobs_test random --writes "${FAULTLINE_WRITES:-100000}"

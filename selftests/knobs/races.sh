#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# knobs: writers and readers of each parameter while the module is loaded and unloaded
# (FAULTLINE_LOADS, 240): no torn value, no warning, no leak. A leak is three objects in four
# loads; with 60 loads that was less than what the kernel keeps for a while.

. "$(dirname "$0")/../lib/knobs.sh"
knobs_test races --loads "${FAULTLINE_LOADS:-240}"

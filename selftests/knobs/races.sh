#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# knobs: writers and readers of each parameter while the module is loaded and unloaded
# (FAULTLINE_LOADS, 60): no torn value, no warning, no leak.

. "$(dirname "$0")/../lib/knobs.sh"
knobs_test races --loads "${FAULTLINE_LOADS:-60}"

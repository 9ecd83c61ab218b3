#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# knobs: each input of a table is given to each parameter and its C twin, through sysfs and, for
# some inputs, at load: both accept, refuse and show the same.
#
# Proves: parameters

. "$(dirname "$0")/../lib/knobs.sh"
knobs_test table --docs "$project/docs/parameters.md"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# knobs: the table of inputs goes to each parameter and to C's, through sysfs and, a choice of it
# for each, at load: the same is taken, refused, and read back.
#
# Proves: parameters

. "$(dirname "$0")/../lib/knobs.sh"
knobs_test table --docs "$project/docs/parameters.md"

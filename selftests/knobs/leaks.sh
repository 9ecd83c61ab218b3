#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# knobs: what is allocated for values is freed, whether they are replaced or the module goes.

. "$(dirname "$0")/../lib/knobs.sh"
knobs_test leaks

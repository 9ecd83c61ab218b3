#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# knobs: memory allocated for values is freed when they are replaced, and when the module is
# unloaded.

. "$(dirname "$0")/../lib/knobs.sh"
knobs_test leaks

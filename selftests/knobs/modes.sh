#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# knobs: the permissions of the parameters.
#
# Proves: parameters

. "$(dirname "$0")/../lib/knobs.sh"
knobs_test modes

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# knobs: who may read and write which parameter.
#
# Proves: parameters

. "$(dirname "$0")/../lib/knobs.sh"
knobs_test modes

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # it is for those who source it
#
# Variant of machine: dumps go to a partition of their own, of 256 MiB, as a handbook may want it.

THIRD_MIB=256

variant_fstab() { echo "$(uuid /dev/vda3) /var/crash ext4 defaults 0 2"; }

// SPDX-License-Identifier: Apache-2.0
/* Tar archives: ustar, pax, GNU long names, and the seventh edition's. */
#pragma once

#include "formats/archive/entries.h"
#include "formats/archive/tar_header.h"

bool tar_is(struct bytes bytes); /* the first block is a header with a right checksum */

/* List the members: slices of `tar`. Links, devices and sparse files are refused. */
enum status tar_list(struct bytes tar, struct entries *entries, struct error *err) must_check;

// SPDX-License-Identifier: Apache-2.0
/* Tar archives, written: ustar, with a pax header where ustar cannot say it. No owner, no time: the
 * same members give the same bytes. */
#pragma once

#include "base/text.h"
#include "formats/archive/tar.h"

enum {
    TAR_FILE = '0',
    TAR_FOLDER = '5',
    TAR_PROGRAM = 'p', /* a file that may be run */
};

/* The blocks that go before the data of an entry. `path` of a folder ends in '/'. */
void tar_write_head(struct text *text, struct bytes path, uint64_t size, char type);

/* Zeros behind `size` bytes of data, up to the next block; TAR_END_SIZE zeros end an archive. */
size_t tar_padding(uint64_t size);
enum { TAR_END_SIZE = 2 * TAR_BLOCK };

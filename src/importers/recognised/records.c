// SPDX-License-Identifier: Apache-2.0
/* What stands in a file of records: how many, and the features of the first when it is a
 * tf.train.Example. */
#include "formats/compression/compression.h"
#include "formats/tensorflow/record.h"
#include "importers/importer.h"
#include "importers/recognised/internal.h"

enum { FEATURES_MAX = 64, UNPACKED_BYTES_MAX = 1 << 30, UNPACKED_RATIO_MAX = 1100 };

static enum status features_tell(struct bytes record, struct description *description,
                                 struct arena *keep, struct error *err)
{
    char name[TEXT_QUOTE_SIZE];
    struct example example;
    struct error ignored;

    if (example_read(record, &example, keep, &ignored) || !example.count)
        return STATUS_OK;
    for (size_t i = 0; i < example.count && i < FEATURES_MAX; i++) {
        const struct feature *feature = &example.features[i];

        TRY(description_tell(
            description, keep, err, "feature %s of the first record: %s[%zu]",
            text_quote(feature->name, name, sizeof name),
            feature->values.dtype == DTYPE_NONE ? "nothing" : dtype_name(feature->values.dtype),
            feature->values.dtype == DTYPE_NONE ? 0 : tensor_count(&feature->values)));
    }
    return STATUS_OK;
}

static enum status tell(struct bytes bytes, struct description *description, struct arena *keep,
                        struct error *err)
{
    struct cursor cursor = cursor_over(bytes);
    struct bytes record, first = {0};
    struct error damage;
    bool more = true, damaged = false;
    size_t count = 0;

    while (!(damaged = record_next(&cursor, &record, &more, &damage) != STATUS_OK) && more)
        if (!count++)
            first = record;
    TRY(description_tell(description, keep, err, "%zu records%s", count,
                         damaged ? ", then one that is damaged" : ""));
    if (damaged)
        TRY(description_tell(description, keep, err, "record %zu: %s", count, damage.text));
    return count ? features_tell(first, description, keep, err) : STATUS_OK;
}

/* What is compressed is unpacked for the look, and given back. */
enum status records_tell(struct bytes bytes, struct description *description, struct arena *keep,
                         struct error *err)
{
    enum compression compression = compression_of(bytes);
    enum status status;
    struct arena room;

    if (compression != COMPRESSION_GZIP && compression != COMPRESSION_ZLIB)
        return tell(bytes, description, keep, err);
    TRY(description_tell(description, keep, err, "compressed with %s",
                         compression_name(compression)));
    arena_init_mapped(&room, (size_t)UNPACKED_BYTES_MAX + UNPACKED_BYTES_MAX / 4);
    status =
        decompress(compression, bytes, UNPACKED_BYTES_MAX, UNPACKED_RATIO_MAX, &bytes, &room, err);
    if (!status)
        status = tell(bytes, description, keep, err);
    else if (status == STATUS_TOO_LARGE)
        status = description_tell(description, keep, err, "too large to be unpacked for a look");
    arena_release(&room);
    return status;
}

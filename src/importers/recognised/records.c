// SPDX-License-Identifier: Apache-2.0
/* What stands in a file of records: how many, and the features of the first when it is a
 * tf.train.Example. */
#include "formats/tensorflow/record.h"
#include "importers/importer.h"
#include "importers/recognised/internal.h"

enum { FEATURES_MAX = 64 };

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

enum status records_tell(struct bytes bytes, struct description *description, struct arena *keep,
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

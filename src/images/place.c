// SPDX-License-Identifier: Apache-2.0
#include "images/place.h"

enum status image_place_open(const struct image_reference *reference,
                             const struct image_access *access, struct image_place **place,
                             struct error *err)
{
    *place = NULL;
    if (reference->folder && reference->archive)
        return image_archive_open(reference, access, place, err);
    if (reference->folder)
        return image_layout_open(reference, access, place, err);
    return image_remote_open(reference, access, place, err);
}

void image_place_close(struct image_place *place)
{
    if (place)
        place->class->close(place);
}

/* What is sent twice after a failure counts once: it never goes past the whole. */
void image_progress_add(struct image_place *place, uint64_t bytes)
{
    struct image_progress *progress = place->progress;

    if (!progress)
        return;
    progress->done += bytes;
    if (progress->done > progress->total)
        progress->done = progress->total;
    if (progress->show)
        progress->show(progress->context, progress->done, progress->total);
}

// SPDX-License-Identifier: Apache-2.0
#include "server/download.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/file.h"
#include "server/feed.h"

enum { PIECE_BYTES = 256 << 10 };

struct download { /* all files are mapped before it begins: then nothing can go wrong any more */
    struct feed feed;
    struct file_map *maps; /* (count,) */
    size_t count, next;    /* the file at hand */
    size_t at;             /* bytes of it that were sent */
};

static void download_free(struct feed *feed)
{
    struct download *download = (struct download *)feed;

    for (size_t i = 0; download->maps && i < download->count; i++)
        file_map_close(&download->maps[i]);
    free(download->maps);
    free(download);
}

static enum feed_state download_next(struct feed *feed, struct executor *executor, struct text *out)
{
    struct download *download = (struct download *)feed;
    struct file_map *map = &download->maps[download->next];
    size_t left, size;

    (void)executor;
    if (download->next == download->count)
        return FEED_END;
    left = map->bytes.size - download->at;
    size = left < PIECE_BYTES ? left : PIECE_BYTES;
    text_append_bytes(out, (struct bytes){map->bytes.data + download->at, size});
    madvise((void *)(map->bytes.data + download->at), size, MADV_DONTNEED); /* a whole of pages */
    download->at += size;
    if (size == left) {
        file_map_close(map);
        download->next++;
        download->at = 0;
    }
    return download->next == download->count ? FEED_END : FEED_MORE;
}

static const struct feed_class DOWNLOAD_FEED = {.next = download_next, .free = download_free};

static enum status download_map(struct download *download, const struct download_file *files,
                                size_t count, struct error *err)
{
    download->feed.class = &DOWNLOAD_FEED;
    download->maps = calloc(count ? count : 1, sizeof *download->maps);
    if (!download->maps)
        return error_no_memory(err, "a download");
    download->count = count;
    for (size_t i = 0; i < count; i++) {
        TRY(file_map_open(&download->maps[i], AT_FDCWD, files[i].path, false, err));
        if (download->maps[i].bytes.size != (size_t)files[i].bytes)
            return error_set(err, STATUS_INTERNAL, "blob %s is damaged", files[i].digest);
    }
    return STATUS_OK;
}

enum status download_answer(struct response *response, const struct download_file *files,
                            size_t count, struct error *err)
{
    struct download *download = calloc(1, sizeof *download);
    int64_t bytes = 0;

    if (!download)
        return error_no_memory(err, "a download");
    if (download_map(download, files, count, err)) {
        download_free(&download->feed);
        return err->status;
    }
    for (size_t i = 0; i < count && bytes <= PIECE_BYTES; i++)
        bytes += files[i].bytes;
    if (bytes > PIECE_BYTES) {
        response->feed = &download->feed;
        return STATUS_OK;
    }
    for (size_t i = 0; i < count; i++)
        text_append_bytes(&response->body, download->maps[i].bytes);
    download_free(&download->feed);
    return STATUS_OK;
}

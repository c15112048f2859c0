// SPDX-License-Identifier: Apache-2.0
/* Every pickle of the shared test data parses, or is refused for a reason that is written here. */
#include "formats/pickle.h"

#include <dirent.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "formats/artifact.h"
#include "formats/compression.h"

#include "test.h"

static const char *const FAMILIES[] = {
    "joblib",           "sklearn",         "sklearn-ext", "sklearn-history", "sklearn-plain",
    "sklearn-lightgbm", "sklearn-xgboost", "statsmodels", "theano",          "xgboost",
    "lightgbm",         "torch-pickle",    "mlflow",      "catboost"};

struct counts {
    int files, read, globals, refused;
};

static void read_one(const char *path, struct counts *counts)
{
    struct artifact *artifact;
    struct bytes bytes;
    struct arena keep;
    struct pickle pickle;
    struct text text = {0};
    struct error err = {0};
    enum compression compression;

    CHECK_OK(artifact_open(path, NULL, &artifact, &err), err);
    bytes = artifact_container(artifact);
    arena_init(&keep, (size_t)1 << 30);
    compression = compression_of(bytes);
    if (compression != COMPRESSION_NONE &&
        decompress(compression, bytes, 1 << 29, 2000, &bytes, &keep, &err))
        bytes.size = 0;
    if (pickle_bid(bytes) > 0) {
        counts->files++;
        if (pickle_read(bytes, artifact, "", NULL, &pickle, &keep, &err)) {
            counts->refused++;
            printf("%s: %s\n", path, err.text);
        } else {
            counts->read++;
            counts->globals += (int)pickle.global_count;
            pickle_print(&text, pickle.root, 1 << 20);
            if (getenv("PICKLE_PRINT"))
                printf("%s\n%s", path, text.data);
            text_release(&text);
        }
    }
    arena_release(&keep);
    artifact_close(artifact);
}

static void read_folder(const char *path, struct counts *counts, int depth)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    struct stat status;
    char inner[4096];

    while (folder && (entry = readdir(folder))) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "case.json") == 0)
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (stat(inner, &status) == 0 && S_ISDIR(status.st_mode) && depth < 4)
            read_folder(inner, counts, depth + 1);
        else if (status.st_size > 0 && !strstr(inner, ".csv"))
            read_one(inner, counts);
    }
    if (folder)
        closedir(folder);
}

TEST(fixtures_parse)
{
    const char *shared = shared_folder("pickles of the shared test data");
    char path[4096];

    if (!shared)
        return;
    for (size_t i = 0; i < ARRAY_COUNT(FAMILIES); i++) {
        struct counts counts = {0};
        snprintf(path, sizeof path, "%s/fixtures/%s", shared, FAMILIES[i]);
        read_folder(path, &counts, 0);
        printf("%-18s %3d pickles, %3d read, %d refused, %d names\n", FAMILIES[i], counts.files,
               counts.read, counts.refused, counts.globals);
    }
}

// SPDX-License-Identifier: Apache-2.0
/* Every pickle of the shared test data parses, or is refused for a reason that is written here. */
#include "formats/pickle/pickle.h"

#include <dirent.h>

#include "base/file.h"
#include "base/text.h"
#include "formats/archive/artifact.h"
#include "formats/compression/compression.h"

#include "test.h"

static const char *const FAMILIES[] = {
    "joblib",           "sklearn",         "sklearn-ext", "sklearn-history", "sklearn-plain",
    "sklearn-lightgbm", "sklearn-xgboost", "statsmodels", "theano",          "xgboost",
    "lightgbm",         "torch-pickle",    "mlflow",      "catboost"};

struct counts {
    const char *family;
    int files, read, globals, refused, right;
};

/* What every dump of joblib's own tests holds: [arange(5), arange(5.0), object array, 256 bytes,
 * matrix [[0, 1, 2]], "C'est l'\u00e9t\u00e9 !"]; the oldest lack the last. */
static bool joblib_is_right(const struct pickle_object *root)
{
    struct tensor ints, floats, matrix;
    struct pickle_object **objects;
    struct bytes bytes;
    struct arena keep;
    struct error err;
    size_t count;

    arena_init(&keep, 1 << 20);
    CHECK_OK(pickle_to_tensor(pickle_item(root, 0), &ints, &keep, &err), err);
    CHECK_OK(pickle_to_tensor(pickle_item(root, 1), &floats, &keep, &err), err);
    CHECK_OK(pickle_to_tensor(pickle_item(root, 4), &matrix, &keep, &err), err);
    CHECK(ints.dtype == DTYPE_I64 && floats.dtype == DTYPE_F64 && matrix.dtype == DTYPE_I64);
    CHECK(tensor_count(&ints) == 5 && tensor_count(&floats) == 5);
    CHECK(matrix.shape.rank == 2 && matrix.shape.dims[0] == 1 && matrix.shape.dims[1] == 3);
    for (size_t i = 0; i < 5; i++)
        CHECK(tensor_i64(&ints, i) == (int64_t)i && tensor_i64(&floats, i) == (int64_t)i);
    for (size_t i = 0; i < 3; i++)
        CHECK(tensor_i64(&matrix, i) == (int64_t)i);
    objects = pickle_elements(pickle_item(root, 2), &count, &keep);
    CHECK(objects && count == 3);
    CHECK(pickle_text_is(objects[1], "abc") && pickle_get(objects[2], "b")->integer == 2);
    CHECK(pickle_to_text(pickle_item(root, 3), &bytes, &keep) && bytes.size == 256);
    for (size_t i = 0; i < 256; i++)
        CHECK(bytes.data[i] == i);
    if (pickle_length(root) > 5)
        CHECK(pickle_text_is(pickle_item(root, 5), "C'est l'\u00e9t\u00e9 !"));
    arena_release(&keep);
    return true;
}

static void read_member(struct member *member, const char *folder, struct counts *counts)
{
    struct bytes bytes;
    struct arena keep;
    struct pickle pickle;
    struct text text = {0};
    struct error err = {0};
    enum compression compression;
    const char *names[64];
    size_t executed;

    CHECK_OK(member_bytes(member, &bytes, &err), err);
    arena_init(&keep, (size_t)1 << 30);
    compression = compression_of(bytes);
    if (compression != COMPRESSION_NONE &&
        decompress(compression, bytes, 1 << 29, 2000, &bytes, &keep, &err))
        bytes.size = 0;
    if (pickle_bid(bytes) > 0) {
        counts->files++;
        if (pickle_read(bytes, member->artifact, "", NULL, &pickle, &keep, &err)) {
            counts->refused++;
            printf("%s: %s: %s\n", folder, member->path, err.text);
        } else {
            counts->read++;
            counts->globals += (int)pickle.global_count;
            pickle_print(&text, pickle.root, 1 << 20);
            executed = pickle_executes(&pickle, names, ARRAY_COUNT(names));
            for (size_t i = 0; i < executed; i++)
                printf("%s/%s names %s\n", folder, member->path, names[i]);
            if (getenv("PICKLE_PRINT"))
                printf("%s/%s\n%s", folder, member->path, text.data);
            counts->right += strstr(counts->family, "joblib") && joblib_is_right(pickle.root);
            text_release(&text);
        }
    }
    arena_release(&keep);
}

/* A folder of cases: each is an artifact of its own. */
static void read_family(const char *path, struct counts *counts)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    struct artifact *artifact;
    struct error err;
    char inner[8192];

    while (folder && (entry = readdir(folder))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        CHECK_OK(artifact_open(inner, NULL, &artifact, &err), err);
        for (size_t i = 0; i < artifact->count; i++)
            read_member(&artifact->members[i], inner, counts);
        artifact_close(artifact);
    }
    if (folder)
        closedir(folder);
}

/* So that a reader that stops recognising pickles is seen. */
static int at_least(const char *family)
{
    return strcmp(family, "sklearn") == 0 ? 100 : strcmp(family, "sklearn-history") == 0 ? 89 : 0;
}

TEST(fixtures_parse)
{
    const char *shared = shared_folder("pickles of the shared test data");
    char path[4096];

    if (!shared)
        return;
    for (size_t i = 0; i < ARRAY_COUNT(FAMILIES); i++) {
        struct counts counts = {.family = FAMILIES[i]};
        snprintf(path, sizeof path, "%s/fixtures/%s", shared, FAMILIES[i]);
        read_family(path, &counts);
        printf("%-18s %3d pickles, %3d read, %d refused, %d names, %d right\n", FAMILIES[i],
               counts.files, counts.read, counts.refused, counts.globals, counts.right);
        CHECK_INT(counts.refused, 0);
        CHECK(counts.files >= at_least(FAMILIES[i]));
        if (strcmp(FAMILIES[i], "joblib") == 0)
            CHECK_INT(counts.right, 20);
    }
}

// SPDX-License-Identifier: Apache-2.0
/* All operator cases: tests/ops/ by hand, tests/ops/onnx/ from the standard's own tests. */
#include <dirent.h>
#include <fcntl.h>

#include "base/file.h"
#include "op_rows.h"
#include "test.h"

static const char *root(void)
{
    const char *root = getenv("FIRN_ROOT");

    return root ? root : ".";
}

static size_t rows_checked; /* sets of inputs whose rows stand alone */

/* What is wrong with a case, or NULL. */
static const char *judge(const struct op_case *c, struct error *err)
{
    enum status status;
    bool refused;

    if (!c->op)
        return "there is no such operator";
    status = case_run(c, &refused, err);
    if (!c->fails && !status)
        status = rows_check(c, &rows_checked, err);
    if (!c->fails)
        return status ? err->text : NULL;
    if (!status || !refused)
        return status ? err->text : "it did not fail";
    return status == c->fails && strstr(err->text, c->part) ? NULL : err->text;
}

static size_t run_file(const char *path, size_t *failed)
{
    struct file_map file;
    struct error err = {0};
    size_t at = 0, count = 0;
    bool found = true;

    CHECK_OK(file_map_open(&file, AT_FDCWD, path, true, &err), err);
    while (found) {
        static struct op_case c;
        struct arena keep;
        const char *fault;

        arena_init(&keep, 64 << 20);
        CHECK_OK(case_read(file.bytes, &at, &c, &found, &keep, &err), err);
        fault = found ? judge(&c, &err) : NULL;
        count += found;
        if (fault) {
            printf("%s: %s (%s): %s\n", path, c.name, c.op_name, fault);
            ++*failed;
        }
        arena_release(&keep);
    }
    file_map_close(&file);
    return count;
}

static void run_folder(const char *folder, size_t least)
{
    char path[4096];
    struct dirent *entry;
    size_t count = 0, failed = 0;
    DIR *dir;

    rows_checked = 0;
    snprintf(path, sizeof path, "%s/%s", root(), folder);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        size_t length = strlen(entry->d_name);

        if (length < 5 || strcmp(entry->d_name + length - 4, ".txt"))
            continue;
        snprintf(path, sizeof path, "%s/%s/%s", root(), folder, entry->d_name);
        count += run_file(path, &failed);
    }
    closedir(dir);
    printf("%s: %zu cases, %zu of them by rows too\n", folder, count, rows_checked);
    CHECK_INT(failed, 0);
    CHECK(count >= least);
}

TEST(cases_by_hand)
{
    run_folder("tests/ops", 1);
}

TEST(cases_of_the_standard)
{
    run_folder("tests/ops/onnx", 1);
}

// SPDX-License-Identifier: Apache-2.0
/* tests/formats/pickle: each NAME.expect says what is in NAME; see make.py there. */
#include "formats/pickle/pickle.h"

#include <dirent.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/text.h"
#include "formats/numpy/npy.h"
#include "formats/skops/skops.h"

#include "test.h"

enum { FIELDS_MAX = 300 };

struct fact {
    char *fields[FIELDS_MAX]; /* path, kind, values */
    size_t count;
};

struct file {
    const char *name;
    struct arena keep;
    struct pickle pickle;
    struct tensor npy;         /* of .npy files */
    struct artifact *artifact; /* of .skops files */
};

static const struct pickle_object *follow(const struct pickle_object *object, const char *path)
{
    char step[64], *end;
    size_t size;

    for (; *path; path += size + (path[size] == '/')) {
        size = strcspn(path, "/");
        snprintf(step, sizeof step, "%.*s", (int)size, path);
        if (strtol(step, &end, 10) >= 0 && *end == '\0')
            object = pickle_item(object, (size_t)strtol(step, NULL, 10));
        else
            object = pickle_get(object, step);
    }
    return object;
}

static bool same_number(double got, const char *want)
{
    if (strcmp(want, "nan") == 0)
        return got != got;
    return got == strtod(want, NULL);
}

/* Tensor text is UTF-8; make.py gives bytes as latin-1, which then are not the same. */
static bool same_text(struct bytes got, const char *want)
{
    char latin1[64];
    size_t size = 0;

    if (bytes_is(got, want))
        return true;
    for (const char *c = want; *c && size < sizeof latin1; c++) {
        unsigned char first = (unsigned char)*c;
        latin1[size++] = first < 0x80 ? *c : (char)((first & 3) << 6 | (*++c & 0x3f));
    }
    return bytes_equal(got, (struct bytes){(const uint8_t *)latin1, size});
}

/* dtype, shape, elements */
static void check_tensor(const struct tensor *tensor, char *const *want, size_t count)
{
    char shape[SHAPE_PRINT_SIZE];

    CHECK_TEXT(dtype_name(tensor->dtype), want[0]);
    CHECK_TEXT(shape_print(&tensor->shape, shape, sizeof shape), want[1]);
    CHECK_INT(tensor_count(tensor), count - 2);
    for (size_t i = 0; i + 2 < count; i++) {
        if (tensor->dtype == DTYPE_STRING)
            CHECK(same_text(((const struct bytes *)tensor->data)[i], want[i + 2]));
        else
            CHECK(same_number(tensor_f64(tensor, i), want[i + 2]));
    }
}

static void describe(const struct pickle_object *object, char *text, size_t size)
{
    int64_t integer;
    bool boolean;
    double number;

    snprintf(text, size, "other");
    if (object->kind == PICKLE_NONE)
        snprintf(text, size, "none");
    else if (object->kind == PICKLE_BOOL && pickle_to_bool(object, &boolean))
        snprintf(text, size, "bool %d", boolean);
    else if (object->kind == PICKLE_INT && pickle_to_i64(object, &integer))
        snprintf(text, size, "int %lld", (long long)integer);
    else if (object->kind == PICKLE_FLOAT && pickle_to_f64(object, &number))
        snprintf(text, size, "float");
    else if (object->kind == PICKLE_TEXT)
        snprintf(text, size, "text %.*s", (int)object->bytes.size,
                 (const char *)object->bytes.data);
}

static void check_elements(struct pickle_object *const *elements, size_t got_count,
                           char *const *want, size_t count)
{
    char text[64];
    double number;

    CHECK(elements != NULL);
    CHECK_INT(got_count, count);
    for (size_t i = 0; i < count; i++) {
        describe(elements[i], text, sizeof text);
        if (strncmp(want[i], "float ", 6) == 0) {
            CHECK_TEXT(text, "float");
            CHECK(pickle_to_f64(elements[i], &number) && same_number(number, want[i] + 6));
        } else {
            CHECK_TEXT(text, want[i]);
        }
    }
}

static void check_executes(const struct pickle *pickle, char *const *want, size_t count)
{
    const char *names[32];
    size_t got = pickle_executes(pickle, names, ARRAY_COUNT(names));

    CHECK_INT(got, count);
    for (size_t i = 0; i < count; i++) {
        bool found = false;
        for (size_t k = 0; k < got; k++)
            found = found || strcmp(names[k], want[i]) == 0;
        CHECK(found);
    }
}

static void check_hex(const struct pickle_object *object, const char *want, struct arena *keep)
{
    struct bytes text;

    CHECK(pickle_to_text(object, &text, keep));
    CHECK_INT(text.size, strlen(want) / 2);
    for (size_t i = 0; i < text.size; i++) {
        char hex[3];
        snprintf(hex, sizeof hex, "%02x", text.data[i]);
        CHECK(memcmp(hex, want + 2 * i, 2) == 0);
    }
}

static const char *const KINDS[] = {
    [PICKLE_BYTEARRAY] = "bytearray", [PICKLE_SET] = "set", [PICKLE_FROZENSET] = "frozenset"};

static void check_whole(struct file *file, const char *kind, char *const *want, size_t count)
{
    if (strcmp(kind, "executes") == 0)
        check_executes(&file->pickle, want, count);
    else if (strcmp(kind, "protocol") == 0)
        CHECK_INT(file->pickle.protocol, strtol(want[0], NULL, 10));
    else if (strcmp(kind, "joblib") == 0)
        CHECK(file->pickle.joblib);
    else
        check_tensor(&file->npy, want, count);
}

static void check_number(const struct pickle_object *object, const char *kind, const char *want)
{
    double number;
    int64_t integer;
    bool boolean;

    if (strcmp(kind, "f64") == 0) {
        CHECK(pickle_to_f64(object, &number));
        CHECK(same_number(number, want));
    } else if (strcmp(kind, "i64") == 0) {
        CHECK(pickle_to_i64(object, &integer));
        CHECK_INT(integer, strtoll(want, NULL, 10));
    } else if (strcmp(kind, "bool") == 0) {
        CHECK(pickle_to_bool(object, &boolean));
        CHECK_INT(boolean, want[0] == '1');
    } else {
        CHECK_TEXT(kind, "length");
        CHECK_INT(pickle_length(object), strtol(want, NULL, 10));
    }
}

static void check_fact(struct file *file, const struct fact *fact)
{
    const char *path = fact->fields[0], *kind = fact->fields[1];
    char *const *want = fact->fields + 2;
    size_t count = fact->count - 2, got;
    const struct pickle_object *object = follow(file->pickle.root, path);
    struct pickle_object **elements;
    struct arena *keep = &file->keep;
    struct tensor tensor;
    struct error err;
    enum dtype dtype;

    if (path[0] == '\0') {
        check_whole(file, kind, want, count);
    } else if (strcmp(kind, "tensor") == 0) {
        CHECK_OK(pickle_to_tensor(object, &tensor, keep, &err), err);
        check_tensor(&tensor, want, count);
    } else if (strcmp(kind, "axis0") == 0) {
        CHECK_OK(pickle_to_tensor(pickle_axis(object, 0), &tensor, keep, &err), err);
        check_tensor(&tensor, want, count);
    } else if (strcmp(kind, "field") == 0) {
        CHECK_OK(numpy_field_tensor(object->array, want[0], &tensor, keep, &err), err);
        check_tensor(&tensor, want + 1, count - 1);
    } else if (strcmp(kind, "refused") == 0) {
        CHECK_FAILS(pickle_to_tensor(object, &tensor, keep, &err), err, STATUS_UNSUPPORTED,
                    want[0]);
    } else if (strcmp(kind, "elements") == 0) {
        elements = pickle_elements(object, &got, keep);
        check_elements(elements, got, want, count);
    } else if (strncmp(kind, "column", 6) == 0 && kind[6] != 's') {
        elements = pickle_column(object, (size_t)strtol(kind + 6, NULL, 10),
                                 &(struct pickle_block){0}, &got, keep);
        check_elements(elements, got, want, count);
    } else if (strcmp(kind, "columns") == 0) {
        CHECK(pickle_columns(object, &tensor, keep));
        CHECK_INT(tensor_count(&tensor), count);
        for (size_t i = 0; i < count; i++)
            CHECK(bytes_is(((const struct bytes *)tensor.data)[i], want[i]));
    } else if (strcmp(kind, "class") == 0) {
        CHECK(pickle_is(object, want[0], want[1]));
        CHECK_TEXT(pickle_name(object), want[1]);
    } else if (strcmp(kind, "dtype") == 0) {
        CHECK(pickle_to_dtype(object, &dtype));
        CHECK_INT(dtype, dtype_parse(want[0]));
    } else if (strcmp(kind, "hex") == 0) {
        check_hex(object, want[0], keep);
    } else if (strcmp(kind, "kind") == 0) {
        CHECK_TEXT(KINDS[object->kind], want[0]);
    } else if (strcmp(kind, "none") == 0) {
        CHECK(object && pickle_is_none(object));
    } else {
        check_number(object, kind, want[0]);
    }
}

static struct fact split(char *line)
{
    struct fact fact = {.fields = {line}, .count = 1};

    for (char *c = line; *c; c++) {
        if (*c != '\t')
            continue;
        *c = '\0';
        CHECK(fact.count < FIELDS_MAX);
        fact.fields[fact.count++] = c + 1;
    }
    CHECK(fact.count >= 2);
    return fact;
}

static void open_skops(struct file *file, struct bytes bytes)
{
    struct error err;

    CHECK_OK(artifact_open_bytes(bytes, file->name, NULL, &file->artifact, &err), err);
    CHECK(skops_is(file->artifact) && !npz_is(file->artifact));
    CHECK_OK(skops_read(file->artifact, NULL, &file->pickle, &file->keep, &err), err);
}

static void open_file(struct file *file, struct bytes bytes)
{
    bool npy = strstr(file->name, ".npy") != NULL;
    struct text text = {0};
    struct error err;

    arena_init(&file->keep, 64 << 20);
    if (strstr(file->name, ".skops")) {
        open_skops(file, bytes);
        return;
    }
    CHECK(npy_is(bytes) == npy);
    if (npy) {
        CHECK_OK(npy_read(bytes, &file->npy, &file->keep, &err), err);
        return;
    }
    CHECK(pickle_bid(bytes) == (bytes.data[0] == 0x80 ? 90 : 50));
    CHECK_OK(pickle_read(bytes, NULL, NULL, NULL, &file->pickle, &file->keep, &err), err);
    CHECK_INT(file->pickle.end, bytes.size);
    pickle_print(&text, file->pickle.root, 1 << 20);
    CHECK(text.size > 0 && !text.failed);
    text_release(&text);
}

static void check_file(const char *folder, const char *expect)
{
    struct file file = {.name = expect};
    struct file_map facts, data;
    struct error err;
    char path[4096], *line, *end;

    snprintf(path, sizeof path, "%s/%s", folder, expect);
    CHECK_OK(file_map_open(&facts, AT_FDCWD, path, true, &err), err);
    path[strlen(path) - strlen(".expect")] = '\0';
    CHECK_OK(file_map_open(&data, AT_FDCWD, path, true, &err), err);
    open_file(&file, data.bytes);
    line = arena_text(&file.keep, facts.bytes);
    for (; (end = strchr(line, '\n')); line = end + 1) {
        struct fact fact;
        *end = '\0';
        if (getenv("VERBOSE"))
            printf("%s: %s\n", file.name, line);
        fact = split(line);
        check_fact(&file, &fact);
    }
    arena_release(&file.keep);
    artifact_close(file.artifact);
    file_map_close(&facts);
    file_map_close(&data);
}

TEST(pickle_cases)
{
    char folder[2048];
    struct dirent *entry;
    int files = 0;
    DIR *list;

    snprintf(folder, sizeof folder, "%s/tests/formats/pickle", getenv("FIRN_ROOT"));
    list = opendir(folder);
    CHECK(list != NULL);
    while ((entry = readdir(list))) {
        const char *suffix = strrchr(entry->d_name, '.');
        if (!suffix || strcmp(suffix, ".expect") != 0)
            continue;
        check_file(folder, entry->d_name);
        files++;
    }
    closedir(list);
    CHECK(files >= 30);
}

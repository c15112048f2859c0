// SPDX-License-Identifier: Apache-2.0
#include "formats/numpy/npy.h"

#include <fcntl.h>

#include "base/file.h"

#include "test.h"

/* An npy file of version `major` with this header and data. */
static struct bytes npy_of(int major, const char *header, const char *data, size_t size,
                           struct text *text)
{
    size_t length = strlen(header);

    text_clear(text);
    text_append_bytes(text, (struct bytes){(const uint8_t *)"\x93NUMPY", 6});
    text_append_char(text, (char)major);
    text_append_char(text, 0);
    for (int i = 0; i < (major == 1 ? 2 : 4); i++)
        text_append_char(text, (char)(length >> (8 * i)));
    text_append(text, header);
    text_append_bytes(text, (struct bytes){(const uint8_t *)data, size});
    return text_bytes(text);
}

#define HEADER(descr, shape) "{'descr': " descr ", 'fortran_order': False, 'shape': " shape ", }\n"

static void check_fails(const char *header, size_t size, enum status status, const char *part)
{
    static const char DATA[64];
    struct numpy_array array;
    struct text text = {0};
    struct arena keep;
    struct error err;

    arena_init(&keep, 1 << 20);
    CHECK_FAILS(npy_read_raw(npy_of(1, header, DATA, size, &text), &array, NULL, &keep, &err), err,
                status, part);
    text_release(&text);
    arena_release(&keep);
}

TEST(broken_headers)
{
    check_fails(HEADER("'<f8'", "(3,)"), 20, STATUS_INVALID_INPUT, "20 bytes of data, not 24");
    check_fails(HEADER("'<f8'", "(-3,)"), 24, STATUS_INVALID_INPUT, "broken");
    check_fails(HEADER("'<f8'", "(3"), 24, STATUS_INVALID_INPUT, "broken");
    check_fails(HEADER("'<f8'", "3"), 24, STATUS_INVALID_INPUT, "broken");
    check_fails(HEADER("'<f8'", "(99999999999999999999,)"), 24, STATUS_INVALID_INPUT, "broken");
    check_fails(HEADER("'<f8'", "(9999999999, 9999999999)"), 24, STATUS_TOO_LARGE, "overflows");
    check_fails(HEADER("'<f8'", "(0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0)"), 24, STATUS_INVALID_INPUT,
                "broken");
    check_fails(HEADER("'<f8'", "(0, 9999999999)"), 24, STATUS_TOO_LARGE, "overflows");
    check_fails(HEADER("'<S0'", "(9999,)"), 24, STATUS_UNSUPPORTED, "no bytes");
    check_fails(HEADER("'<z8'", "(3,)"), 24, STATUS_UNSUPPORTED, "<z8");
    check_fails(HEADER("'<f7'", "(3,)"), 24, STATUS_UNSUPPORTED, "<f7");
    check_fails(HEADER("'<U99999999999999999999'", "(3,)"), 24, STATUS_UNSUPPORTED, "not known");
    check_fails(HEADER("8", "(3,)"), 24, STATUS_INVALID_INPUT, "broken");
    check_fails(HEADER("[('a', '<f8')", "(3,)"), 24, STATUS_INVALID_INPUT, "broken");
    check_fails(HEADER("[[[[[[]]]]]]", "(3,)"), 24, STATUS_INVALID_INPUT, "broken");
    check_fails(HEADER("[('a',[('a',[('a',[('a',[('a','<f8')])])])])]", "(3,)"), 24,
                STATUS_UNSUPPORTED, "deeper");
    check_fails("", 24, STATUS_INVALID_INPUT, "broken");
    check_fails("{'descr': '<f8', 'shape': (3,)}", 24, STATUS_INVALID_INPUT, "broken");
    check_fails("{'descr': '<f8', 'fortran_order': 1, 'shape': (3,)}", 24, STATUS_INVALID_INPUT,
                "broken");
    check_fails("{'descr': '<f8', 'descr': '<f8', 'shape': (3,)}", 24, STATUS_INVALID_INPUT,
                "broken");
    check_fails(HEADER("'<f8'", "(3,)") "x", 24, STATUS_INVALID_INPUT, "broken");
    check_fails("{'descr': '<f8", 24, STATUS_INVALID_INPUT, "broken");
}

static void check_reads(int major, const char *header, size_t size, size_t want_used)
{
    static const char DATA[64] = "\1\0\0\0\2\0\0\0\3\0\0\0";
    struct numpy_array array;
    struct text text = {0};
    struct arena keep;
    struct error err;
    struct bytes bytes = npy_of(major, header, DATA, size, &text);
    size_t used;

    arena_init(&keep, 1 << 20);
    CHECK_OK(npy_read_raw(bytes, &array, &used, &keep, &err), err);
    CHECK_INT(bytes.size - used, size - want_used);
    CHECK_INT(array.data.size, want_used);
    text_release(&text);
    arena_release(&keep);
}

TEST(headers_of_all_ages)
{
    check_reads(1, HEADER("'<i4'", "(3,)"), 12, 12);
    check_reads(2, HEADER("'<i4'", "(3,)"), 20, 12);
    check_reads(3, HEADER("[('\xc3\xa9', '<i4')]", "(3,)"), 12, 12);
    check_reads(1, HEADER("'<i4'", "(3L, 1L)"), 12, 12);
    check_reads(1, HEADER("'<i4'", "()"), 4, 4);
    check_reads(1, HEADER("u'<i4'", "(3)"), 12, 12);
    check_reads(1, "{\"shape\": (0, 5), \"fortran_order\": True, \"descr\": \"|b1\"}", 3, 0);
    check_reads(1, HEADER("'<M8[ns]'", "(1,)"), 8, 8);
}

TEST(structured_types)
{
    static const char DATA[] = "\1\2\0\0\0\3\4\5\6\7\10\11";
    struct numpy_array array;
    struct tensor tensor;
    struct text text = {0};
    struct arena keep;
    struct error err;
    struct bytes bytes = npy_of(
        1,
        HEADER("[('a', '|u1'), (('title', 'b'), '<i4'), ('c', '|i1', (2,)), ('', '|V5')]", "(1,)"),
        DATA, 12, &text);

    arena_init(&keep, 1 << 20);
    CHECK_OK(npy_read_raw(bytes, &array, NULL, &keep, &err), err);
    CHECK_INT(array.dtype.itemsize, 12);
    CHECK_INT(array.dtype.field_count, 4);
    CHECK_OK(numpy_field_tensor(&array, "b", &tensor, &keep, &err), err);
    CHECK(tensor.dtype == DTYPE_I32 && tensor_i64(&tensor, 0) == 2);
    CHECK_FAILS(numpy_field_tensor(&array, "c", &tensor, &keep, &err), err, STATUS_UNSUPPORTED,
                "raw bytes");
    CHECK_FAILS(numpy_field_tensor(&array, "d", &tensor, &keep, &err), err, STATUS_INVALID_INPUT,
                "no field \"d\"");
    CHECK_FAILS(numpy_to_tensor(&array, &tensor, &keep, &err), err, STATUS_UNSUPPORTED,
                "structured");
    text_release(&text);
    arena_release(&keep);
}

TEST(other_files_are_no_npy)
{
    struct numpy_array array;
    struct arena keep;
    struct error err;
    struct bytes old = {(const uint8_t *)"\x93NUMPY\x09\0\1\0{", 11};
    struct bytes large = {(const uint8_t *)"\x93NUMPY\2\0\xff\xff\xff\xff{", 13};
    struct bytes cut = {(const uint8_t *)"\x93NUMPY", 6};

    arena_init(&keep, 1 << 20);
    CHECK(!npy_is(bytes_of("NUMPY")) && npy_is(old));
    CHECK_FAILS(npy_read_raw(bytes_of("PK"), &array, NULL, &keep, &err), err, STATUS_INVALID_INPUT,
                "not an npy file");
    CHECK_FAILS(npy_read_raw(old, &array, NULL, &keep, &err), err, STATUS_UNSUPPORTED, "version 9");
    CHECK_FAILS(npy_read_raw(large, &array, NULL, &keep, &err), err, STATUS_TOO_LARGE, "header");
    CHECK_FAILS(npy_read_raw(cut, &array, NULL, &keep, &err), err, STATUS_INVALID_INPUT, "early");
    arena_release(&keep);
}

/* --- writing: numpy's own files, byte for byte --- */

static void check_rewrites(const char *folder, const char *name)
{
    struct file_map map;
    struct tensor tensor;
    struct text text = {0};
    struct arena keep;
    struct error err;
    char path[4096];

    snprintf(path, sizeof path, "%s/numpy_%s.npy", folder, name);
    CHECK_OK(file_map_open(&map, AT_FDCWD, path, true, &err), err);
    arena_init(&keep, 1 << 20);
    CHECK_OK(npy_read(map.bytes, &tensor, &keep, &err), err);
    CHECK_OK(npy_write(&tensor, &text, &err), err);
    CHECK(bytes_equal(text_bytes(&text), map.bytes));
    text_release(&text);
    arena_release(&keep);
    file_map_close(&map);
}

TEST(writes_what_numpy_writes)
{
    static const char *const NAMES[] = {"f8", "f4",   "f2",     "i8",   "u2", "i1",
                                        "u8", "bool", "scalar", "none", "U"};
    char folder[2048];

    snprintf(folder, sizeof folder, "%s/tests/formats/pickle", getenv("FIRN_ROOT"));
    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++)
        check_rewrites(folder, NAMES[i]);
}

TEST(writes_strings)
{
    static struct bytes broken[] = {{(const uint8_t *)"\xff", 1}, {(const uint8_t *)"ab", 2}};
    static struct bytes ends[] = {{(const uint8_t *)"a\0", 2}};
    struct tensor tensor = {DTYPE_STRING, SHAPE(2), broken}, copy;
    struct text text = {0};
    struct arena keep;
    struct error err;

    arena_init(&keep, 1 << 20);
    CHECK_OK(npy_write(&tensor, &text, &err), err);
    CHECK_OK(npy_read(text_bytes(&text), &copy, &keep, &err), err);
    CHECK(bytes_equal(((struct bytes *)copy.data)[0], broken[0]));
    CHECK(bytes_equal(((struct bytes *)copy.data)[1], broken[1]));
    tensor = (struct tensor){DTYPE_STRING, SHAPE(1), ends};
    CHECK_FAILS(npy_write(&tensor, &text, &err), err, STATUS_UNSUPPORTED, "end in NUL");
    tensor = (struct tensor){DTYPE_BF16, SHAPE(0), ends};
    CHECK_FAILS(npy_write(&tensor, &text, &err), err, STATUS_UNSUPPORTED, "bfloat16");
    text_release(&text);
    arena_release(&keep);
}

/* Copied only when it must be. */
TEST(aligned_native_data_is_borrowed)
{
    _Alignas(16) static const char FILE[] =
        "\x93NUMPY\1\0\x46\0{'descr': '<i4', 'fortran_order': False, 'shape': (1,), }"
        "            \n\7\0\0\0";
    struct tensor tensor;
    struct arena keep;
    struct error err;

    arena_init(&keep, 1 << 20);
    CHECK_OK(npy_read((struct bytes){(const uint8_t *)FILE, sizeof FILE - 1}, &tensor, &keep, &err),
             err);
    CHECK((const char *)tensor.data == FILE + sizeof FILE - 5);
    CHECK_INT(tensor_i64(&tensor, 0), 7);
    arena_release(&keep);
}

/* --- files of other programs --- */

static void check_shared(const char *shared, const char *path, const char *member, enum dtype dtype,
                         size_t count)
{
    struct artifact *artifact;
    struct member *found;
    struct tensor tensor;
    struct bytes bytes;
    struct arena keep;
    struct error err;
    char full[4096];

    snprintf(full, sizeof full, "%s/fixtures/npy/%s", shared, path);
    CHECK_OK(artifact_open(full, NULL, &artifact, &err), err);
    arena_init(&keep, 1 << 20);
    CHECK_INT(npz_is(artifact), member != NULL);
    found = member ? artifact_find(artifact, member) : &artifact->members[0];
    CHECK(found);
    CHECK_OK(member_bytes(found, &bytes, &err), err);
    CHECK_OK(npy_read(bytes, &tensor, &keep, &err), err);
    CHECK_INT(tensor.dtype, dtype);
    CHECK_INT(tensor_count(&tensor), count);
    arena_release(&keep);
    artifact_close(artifact);
}

/* numpy's own object array from Python 2: [None, xrange, u"...", "..."]: read, but no tensor. */
static void check_objects(const char *shared, const char *path)
{
    struct artifact *artifact;
    struct tensor tensor;
    struct bytes bytes;
    struct arena keep;
    struct error err;
    char full[4096];

    snprintf(full, sizeof full, "%s/fixtures/npy/%s", shared, path);
    CHECK_OK(artifact_open(full, NULL, &artifact, &err), err);
    arena_init(&keep, 1 << 20);
    CHECK_OK(member_bytes(&artifact->members[0], &bytes, &err), err);
    CHECK_FAILS(npy_read(bytes, &tensor, &keep, &err), err, STATUS_UNSUPPORTED,
                "element 1 of a sequence is no number or text");
    arena_release(&keep);
    artifact_close(artifact);
}

TEST(files_of_other_programs)
{
    const char *shared = shared_folder("npy files of other programs");

    if (!shared)
        return;
    check_shared(shared, "candle_test_npy/test.npy", NULL, DTYPE_I64, 10);
    check_shared(shared, "djl_0d/0d.npy", NULL, DTYPE_F64, 1);
    check_shared(shared, "djl_2d/2d.npy", NULL, DTYPE_I32, 2);
    check_shared(shared, "djl_fp16/fp16.npy", NULL, DTYPE_F16, 1);
    check_shared(shared, "djl_int8/int8.npy", NULL, DTYPE_I8, 1);
    check_shared(shared, "djl_list_npz/list.npz", "bool8.npy", DTYPE_BOOL, 1);
    check_shared(shared, "djl_list_npz/list.npz", "arr_0.npy", DTYPE_I8, 1);
    check_shared(shared, "tch_linear/ws.npy", NULL, DTYPE_F32, 4 * 257);
    check_objects(shared, "numpy_py2-objarr_npz/py2-objarr.npz");
}

/* out = in * ws^T + bs */
TEST(linear_layer)
{
    static const char *const NAMES[] = {"in", "ws", "bs", "out"};
    const char *shared = shared_folder("the linear layer in npy files");
    struct artifact *artifacts[4];
    struct tensor t[4];
    struct bytes bytes;
    struct arena keep;
    struct error err;
    char path[4096];

    if (!shared)
        return;
    arena_init(&keep, 1 << 20);
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/fixtures/npy/tch_linear/%s.npy", shared, NAMES[i]);
        CHECK_OK(artifact_open(path, NULL, &artifacts[i], &err), err);
        CHECK_OK(member_bytes(&artifacts[i]->members[0], &bytes, &err), err);
        CHECK_OK(npy_read(bytes, &t[i], &keep, &err), err);
    }
    for (size_t row = 0; row < 2; row++)
        for (size_t out = 0; out < 4; out++) {
            double sum = tensor_f64(&t[2], out);
            for (size_t k = 0; k < 257; k++)
                sum += tensor_f64(&t[0], row * 257 + k) * tensor_f64(&t[1], out * 257 + k);
            CHECK_NEAR(tensor_f64(&t[3], row * 4 + out), sum, 1e-5);
        }
    for (int i = 0; i < 4; i++)
        artifact_close(artifacts[i]);
    arena_release(&keep);
}

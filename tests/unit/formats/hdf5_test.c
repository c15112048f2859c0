// SPDX-License-Identifier: Apache-2.0
/* tests/formats/hdf5/: the same content as several generations of h5py write it (make.py there). */
#include "formats/hdf5/hdf5.h"

#include <fcntl.h>

#include "base/file.h"

#include "test.h"

static struct file_map map;
static struct arena keep;
static struct error err;

static struct hdf5 *opened(const char *name)
{
    struct hdf5 *file;
    char path[4096];

    snprintf(path, sizeof path, "%s/tests/formats/hdf5/%s.h5", getenv("FIRN_ROOT"), name);
    arena_init(&keep, 64 << 20);
    CHECK_OK(file_map_open(&map, AT_FDCWD, path, true, &err), err);
    CHECK_OK(hdf5_open(map.bytes, &keep, &file, &err), err);
    return file;
}

static void close_all(void)
{
    arena_release(&keep);
    file_map_close(&map);
}

static struct tensor read(struct hdf5 *file, const char *path)
{
    struct tensor tensor = {0};
    hdf5_object object;

    CHECK_OK(hdf5_find(file, hdf5_root(file), bytes_of(path), &object, &err), err);
    CHECK_OK(hdf5_read(file, object, &tensor, &err), err);
    return tensor;
}

static struct tensor attribute(struct hdf5 *file, const char *name)
{
    struct tensor tensor = {0};
    bool found;

    CHECK_OK(hdf5_attribute(file, hdf5_root(file), name, &found, &tensor, &err), err);
    CHECK(found);
    return tensor;
}

static void check_text(const struct tensor *tensor, size_t index, const char *want)
{
    CHECK_INT(tensor->dtype, DTYPE_STRING);
    CHECK(bytes_is(((const struct bytes *)tensor->data)[index], want));
}

static void check_shape(const struct tensor *tensor, enum dtype dtype, struct shape shape)
{
    CHECK_INT(tensor->dtype, dtype);
    CHECK(shape_equal(&tensor->shape, &shape));
}

/* --- what every generation holds --- */

static void check_attributes(struct hdf5 *file)
{
    struct tensor value = attribute(file, "config");
    bool found;

    check_text(&value, 0, "{\"name\": \"\xC3\xA9\"}");
    value = attribute(file, "layer_names");
    check_shape(&value, DTYPE_STRING, SHAPE(2));
    check_text(&value, 1, "conv_1");
    value = attribute(file, "none");
    check_shape(&value, DTYPE_F64, SHAPE(0));
    value = attribute(file, "flag");
    check_shape(&value, DTYPE_BOOL, shape_scalar());
    CHECK_INT(*(const uint8_t *)value.data, 1);
    CHECK_OK(hdf5_attribute(file, hdf5_root(file), "absent", &found, &value, &err), err);
    CHECK(!found);
}

static void check_datasets(struct hdf5 *file)
{
    struct tensor value = read(file, "plain/big_endian");

    check_shape(&value, DTYPE_F64, SHAPE(4, 5));
    CHECK(tensor_f64(&value, 19) == 4.75);
    value = read(file, "/plain/half");
    check_shape(&value, DTYPE_F16, SHAPE(5));
    CHECK(tensor_f64(&value, 3) == 1.5);
    value = read(file, "plain/names");
    check_text(&value, 0, "hello");
    check_text(&value, 1, "");
    check_text(&value, 2, "w\xC3\xB6rld");
    value = read(file, "layer_0/vars/0");
    check_shape(&value, DTYPE_F32, SHAPE(1));
    value = read(file, "plain/unwritten");
    CHECK(tensor_f64(&value, 2) == 0);
}

static void check_numbered(const struct tensor *value)
{
    for (size_t i = 0; i < tensor_count(value); i++)
        CHECK(tensor_f64(value, i) == (double)i);
}

static void check_generation(const char *name)
{
    struct hdf5 *file = opened(name);
    struct tensor value;

    check_attributes(file);
    check_datasets(file);
    value = read(file, "chunked/single");
    check_shape(&value, DTYPE_F64, SHAPE(8, 8));
    check_numbered(&value);
    close_all();
}

TEST(earliest)
{
    struct hdf5 *file;
    struct tensor value;

    check_generation("earliest");
    file = opened("earliest");
    value = read(file, "chunked/many");
    check_shape(&value, DTYPE_I32, SHAPE(17, 23));
    check_numbered(&value);
    value = read(file, "layer_29/vars/0");
    check_shape(&value, DTYPE_F32, SHAPE(30));
    check_numbered(&value);
    close_all();
}

TEST(user_block)
{
    check_generation("user_block");
}

TEST(version_1_10)
{
    struct hdf5 *file;
    struct tensor value;
    hdf5_object object;

    check_generation("v110");
    file = opened("v110");
    CHECK_OK(hdf5_find(file, hdf5_root(file), bytes_of("chunked/many"), &object, &err), err);
    CHECK_FAILS(hdf5_read(file, object, &value, &err), err, STATUS_UNSUPPORTED, "HDF5 index");
    close_all();
}

TEST(many_links_of_the_newest)
{
    struct hdf5 *file = opened("heap");
    hdf5_object object;

    CHECK_FAILS(hdf5_find(file, hdf5_root(file), bytes_of("plain"), &object, &err), err,
                STATUS_UNSUPPORTED, "fractal heap");
    close_all();
}

TEST(refused)
{
    struct hdf5 *file = opened("earliest");
    struct tensor value;
    hdf5_object object;

    CHECK_OK(hdf5_find(file, hdf5_root(file), bytes_of("plain/pair"), &object, &err), err);
    CHECK_FAILS(hdf5_read(file, object, &value, &err), err, STATUS_UNSUPPORTED, "structures");
    CHECK_FAILS(hdf5_find(file, hdf5_root(file), bytes_of("soft"), &object, &err), err,
                STATUS_UNSUPPORTED, "link");
    CHECK_FAILS(hdf5_find(file, hdf5_root(file), bytes_of("layer_0/nothing"), &object, &err), err,
                STATUS_NOT_FOUND, "'nothing'");
    CHECK_FAILS(hdf5_read(file, hdf5_root(file), &value, &err), err, STATUS_INVALID_INPUT,
                "no dataset");
    close_all();
}

/* --- damage: any byte, any end; never more than an error --- */

static void walk(struct hdf5 *file, hdf5_object object, int depth)
{
    const struct hdf5_link *links;
    struct tensor value;
    struct error ignored;
    size_t count;
    bool is, found;

    if (hdf5_attribute(file, object, "config", &found, &value, &ignored) ||
        hdf5_is_dataset(file, object, &is, &ignored))
        return;
    if (is) {
        if (hdf5_read(file, object, &value, &ignored))
            return;
    } else if (!hdf5_links(file, object, &links, &count, &ignored)) {
        for (size_t i = 0; i < count && i < 64 && depth < 6; i++)
            if (links[i].followed)
                walk(file, links[i].object, depth + 1);
    }
}

static void walk_bytes(struct bytes bytes)
{
    struct hdf5 *file;
    struct error ignored;
    struct arena own;

    arena_init(&own, 64 << 20);
    if (!hdf5_open(bytes, &own, &file, &ignored))
        walk(file, hdf5_root(file), 0);
    arena_release(&own);
}

TEST(damaged)
{
    uint8_t *copy;
    uint32_t random = 1;

    opened("user_block");
    copy = malloc(map.bytes.size);
    CHECK(copy != NULL);
    for (int round = 0; round < 400; round++) {
        size_t size = map.bytes.size;

        memcpy(copy, map.bytes.data, size);
        for (int k = 0; k < 4; k++) {
            random = random * 1664525 + 1013904223;
            copy[random % size] = (uint8_t)(random >> 24);
        }
        walk_bytes((struct bytes){copy, round % 4 ? size : random % size});
    }
    free(copy);
    close_all();
}

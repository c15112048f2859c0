// SPDX-License-Identifier: Apache-2.0
/* Single files, told by their bytes. Each check costs little and believes nothing. */
#include "formats/compression/compression.h"
#include "formats/protobuf.h"
#include "importers/recognised/internal.h"

enum { HEAD_SIZE = 4096, SEARCH_SIZE = 64 << 20, FIELDS_MAX = 64, TEXT_SIZE = 1 << 20 };

static bool starts(struct bytes bytes, const char *magic, size_t size)
{
    return bytes.size >= size && !memcmp(bytes.data, magic, size);
}
#define STARTS(look, magic) starts((look)->bytes, magic, sizeof(magic) - 1)

static uint64_t u64_at(struct bytes bytes, size_t offset)
{
    uint64_t value = 0;

    for (size_t i = 0; i < 8 && offset + i < bytes.size; i++)
        value |= (uint64_t)bytes.data[offset + i] << 8 * i;
    return value;
}

bool bytes_hold(struct bytes bytes, size_t limit, const char *text)
{
    return bytes.size &&
           memmem(bytes.data, bytes.size < limit ? bytes.size : limit, text, strlen(text));
}

/* Printable text, judged by its beginning. */
static bool is_text(const struct look *look)
{
    size_t size = look->bytes.size < HEAD_SIZE ? look->bytes.size : HEAD_SIZE;

    for (size_t i = 0; i < size; i++) {
        uint8_t c = look->bytes.data[i];
        if (c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f')
            return false;
    }
    return size > 0;
}

static bool is_json_object(const struct look *look)
{
    size_t i = 0;

    while (i < look->bytes.size && i < HEAD_SIZE && strchr(" \t\r\n", look->bytes.data[i]) &&
           look->bytes.data[i])
        i++;
    return i < look->bytes.size && look->bytes.data[i] == '{' && is_text(look);
}

/* --- HDF5 and Keras --- */

bool is_hdf5(const struct look *look)
{
    static const char MAGIC[] = "\x89HDF\r\n\x1a\n";

    /* the superblock may stand at 0, 512, 1024, 2048 ... */
    for (size_t at = 0; at + 8 <= look->bytes.size && at <= 1 << 20; at = at ? 2 * at : 512)
        if (!memcmp(look->bytes.data + at, MAGIC, 8))
            return true;
    return false;
}

bool is_keras_h5(const struct look *look)
{
    return is_hdf5(look) && (bytes_hold(look->bytes, SEARCH_SIZE, "model_config") ||
                             bytes_hold(look->bytes, SEARCH_SIZE, "layer_names") ||
                             bytes_hold(look->bytes, SEARCH_SIZE, "keras_version"));
}

bool is_keras_json(const struct look *look)
{
    return is_json_object(look) && bytes_hold(look->bytes, HEAD_SIZE, "\"class_name\"") &&
           (bytes_hold(look->bytes, HEAD_SIZE, "\"Sequential\"") ||
            bytes_hold(look->bytes, HEAD_SIZE, "\"Functional\"") ||
            bytes_hold(look->bytes, HEAD_SIZE, "\"Model\"")) &&
           bytes_hold(look->bytes, TEXT_SIZE, "\"layers\"");
}

bool is_tensorflow_js(const struct look *look)
{
    return is_json_object(look) && bytes_hold(look->bytes, SEARCH_SIZE, "\"modelTopology\"") &&
           bytes_hold(look->bytes, SEARCH_SIZE, "\"weightsManifest\"");
}

/* --- protocol buffers: the first fields, strictly --- */

struct summary {          /* of the first fields of a message */
    unsigned messages[8]; /* by number: how many are bytes */
    unsigned varints[8];
    uint64_t first[8]; /* value of the first varint */
    struct bytes inner[8];
    unsigned layers; /* field 100 */
    bool broken, strange;
};

static struct summary summarise(struct bytes bytes)
{
    struct summary summary = {0};
    struct protobuf reader = protobuf_over(bytes);
    struct protobuf_field field;
    struct error ignored;

    for (int i = 0; i < FIELDS_MAX; i++) {
        if (protobuf_next(&reader, &field, &ignored)) {
            summary.broken = true;
            break;
        }
        if (field.number == 0)
            break;
        if (field.number == 100 && field.wire == PROTOBUF_BYTES) {
            summary.layers++;
        } else if (field.number >= 8) {
            summary.strange = summary.strange || field.number > 200;
        } else if (field.wire == PROTOBUF_BYTES) {
            if (!summary.messages[field.number]++)
                summary.inner[field.number] = field.bytes;
        } else if (field.wire == PROTOBUF_VARINT) {
            if (!summary.varints[field.number]++)
                summary.first[field.number] = field.value;
        } else {
            summary.strange = true;
        }
    }
    return summary;
}

static bool is_name(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < 0x20 || text.data[i] == 0x7F)
            return false;
    return text.size > 0 && text.size < 1024;
}

bool is_uff(const struct look *look)
{
    struct summary graph = summarise(look->bytes);

    return STARTS(look, "\x08\x01\x10\x01") && !graph.broken && graph.messages[4];
}

bool is_caffe_model(const struct look *look)
{
    struct summary net = summarise(look->bytes);
    struct summary layer = summarise(net.inner[2]);

    if (net.broken || net.varints[1])
        return false;
    if (net.layers)
        return true;
    return net.messages[2] && !layer.broken && layer.messages[4] && layer.varints[5] &&
           is_name(layer.inner[4]);
}

/* --- texts --- */

static bool holds_block(const struct look *look, const char *with_blank, const char *without)
{
    return bytes_hold(look->bytes, TEXT_SIZE, with_blank) ||
           bytes_hold(look->bytes, TEXT_SIZE, without);
}

bool is_caffe_text(const struct look *look)
{
    return is_text(look) &&
           (holds_block(look, "layer {", "layer{") || holds_block(look, "layers {", "layers{")) &&
           bytes_hold(look->bytes, TEXT_SIZE, "type:");
}

bool is_caffe2_text(const struct look *look)
{
    return is_text(look) && holds_block(look, "op {", "op{") &&
           bytes_hold(look->bytes, SEARCH_SIZE, "external_");
}

bool is_pmml(const struct look *look)
{
    /* a part of a document still names its schema */
    return is_text(look) && (bytes_hold(look->bytes, HEAD_SIZE, "<PMML") ||
                             bytes_hold(look->bytes, HEAD_SIZE, "www.dmg.org/PMML"));
}

bool is_mlmodel(const struct look *look)
{
    return is_text(look) &&
           (STARTS(look, "flavors:") || bytes_hold(look->bytes, TEXT_SIZE, "\nflavors:"));
}

/* --- boosters --- */

bool is_lightgbm(const struct look *look)
{
    return (STARTS(look, "tree\n") || STARTS(look, "tree\r\n")) &&
           bytes_hold(look->bytes, HEAD_SIZE, "num_class=");
}

bool is_catboost(const struct look *look)
{
    return STARTS(look, "CBM1");
}

bool is_xgboost_json(const struct look *look)
{
    return is_json_object(look) && bytes_hold(look->bytes, SEARCH_SIZE, "\"learner\"") &&
           bytes_hold(look->bytes, SEARCH_SIZE, "\"gradient_booster\"");
}

/* UBJSON: '{', then 'L' and an 8-byte or another length, then the key "learner". */
bool is_xgboost_ubjson(const struct look *look)
{
    return (STARTS(look, "{L") || STARTS(look, "{i") || STARTS(look, "{U")) &&
           bytes_hold(look->bytes, 64, "learner");
}

/* The header of 136 bytes, then the length and name of the objective. */
bool is_xgboost_binary(const struct look *look)
{
    size_t at = 136 + (STARTS(look, "binf") ? 4 : 0);
    uint64_t length = u64_at(look->bytes, at);
    struct bytes name;

    if (look->bytes.size < at + 16 || length < 3 || length > 64 ||
        look->bytes.size < at + 8 + length)
        return STARTS(look, "binf");
    name = (struct bytes){look->bytes.data + at + 8, (size_t)length};
    for (size_t i = 0; i < name.size; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_",
                    name.data[i]) ||
            !name.data[i])
            return false;
    return memchr(name.data, ':', name.size) != NULL || STARTS(look, "binf");
}

/* --- the rest, by magic number --- */

bool is_tflite(const struct look *look)
{
    return look->bytes.size >= 8 && !memcmp(look->bytes.data + 4, "TFL3", 4);
}

bool is_torch_legacy(const struct look *look)
{
    /* the pickled number 0x1950a86a20f9469cfc6c */
    return STARTS(look, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e");
}

bool is_mxnet_params(const struct look *look)
{
    return STARTS(look, "\x12\x01\0\0\0\0\0\0") && look->bytes.size >= 24;
}

bool is_mxnet_symbol(const struct look *look)
{
    return is_json_object(look) && bytes_hold(look->bytes, SEARCH_SIZE, "\"nodes\"") &&
           bytes_hold(look->bytes, SEARCH_SIZE, "\"arg_nodes\"") &&
           bytes_hold(look->bytes, SEARCH_SIZE, "\"heads\"");
}

bool is_tensorrt(const struct look *look)
{
    if (STARTS(look, "ptrt") || STARTS(look, "ftrt"))
        return true;
    /* TensorRT 5: the size of the file, then a flatbuffer's root offset */
    return look->bytes.size > 64 && u64_at(look->bytes, 0) == look->bytes.size;
}

bool is_gguf(const struct look *look)
{
    return STARTS(look, "GGUF");
}

bool is_safetensors(const struct look *look)
{
    uint64_t size = u64_at(look->bytes, 0);

    return look->bytes.size > 9 && size > 1 && size <= look->bytes.size - 8 &&
           look->bytes.data[8] == '{' && look->bytes.data[8 + size - 1] <= '}' &&
           bytes_hold((struct bytes){look->bytes.data + 8, (size_t)size}, (size_t)size,
                      "data_offsets");
}

bool is_npy(const struct look *look)
{
    return STARTS(look, "\x93NUMPY");
}

bool is_parquet(const struct look *look)
{
    return STARTS(look, "PAR1");
}

/* CRC-32C of 8 bytes, bit by bit, masked as TensorFlow does. */
static uint32_t masked_crc(const uint8_t *bytes)
{
    uint32_t crc = ~UINT32_C(0);

    for (int i = 0; i < 8; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82F63B78) : 0);
    }
    crc = ~crc;
    return (crc >> 15 | crc << 17) + UINT32_C(0xa282ead8);
}

static bool begins_record(struct bytes bytes)
{
    return bytes.size >= 16 && (uint32_t)u64_at(bytes, 8) == masked_crc(bytes.data);
}

/* As it is, or compressed as a whole. */
bool is_tfrecord(const struct look *look)
{
    enum compression compression = compression_of(look->bytes);
    struct error ignored;
    uint8_t head[16];
    size_t size;

    if (compression != COMPRESSION_GZIP && compression != COMPRESSION_ZLIB)
        return begins_record(look->bytes) && u64_at(look->bytes, 0) <= look->bytes.size - 16;
    return !decompress_head(compression, look->bytes, head, sizeof head, &size, &ignored) &&
           begins_record((struct bytes){head, size});
}

// SPDX-License-Identifier: Apache-2.0
/* Which weights every layer has.
 *
 * HDF5 files: a group per layer with the attribute weight_names, in the order in which the layer
 * made them. A model used as a layer has one list: the trainable weights of all its layers, then
 * all others; there they are told apart by the layer's name, which is a part of the weight's.
 *
 * .keras archives: groups by the attributes of objects; a list of layers is numbered by class name.
 */
#include <stdio.h>

#include "base/text.h"
#include "importers/keras/internal.h"
#include "tensor/block.h"
#include "tensor/convert.h"

/* --- HDF5 files --- */

struct named {
    struct bytes name;
    struct tensor tensor;
    bool used;
};

/* An attribute that is a list of strings; when it was too long it is in pieces: NAME0, NAME1 ... */
static enum status names_read(struct keras *k, hdf5_object object, const char *name,
                              struct bytes **names, size_t *count, struct error *err)
{
    struct tensor value;
    bool found;

    *count = 0;
    *names = arena_new(k->keep, struct bytes, 0);
    for (int piece = -1; piece < 10000; piece++) {
        char key[64];
        struct bytes *grown;

        snprintf(key, sizeof key, piece < 0 ? "%s" : "%s%d", name, piece);
        TRY(hdf5_attribute(k->file, object, key, &found, &value, err));
        if (!found && piece < 0)
            continue;
        if (!found)
            return STATUS_OK;
        if (value.dtype == DTYPE_STRING) {
            size_t more = tensor_count(&value);

            grown = arena_new(k->keep, struct bytes, *count + more);
            if (!grown)
                return error_no_memory(err, "the weights");
            if (*count)
                memcpy(grown, *names, *count * sizeof *grown);
            if (more)
                memcpy(grown + *count, value.data, more * sizeof *grown);
            *names = grown;
            *count += more;
        }
        if (piece < 0)
            return STATUS_OK;
    }
    return STATUS_OK;
}

/* Keras 1 does not state its backend; but names that TensorFlow gave end in ":0". */
static void backend_guess(struct keras *k, const struct bytes *names, size_t count)
{
    if (k->backend_stated || k->generation > 1 || !count)
        return;
    k->backend_stated = true;
    k->theano = names[0].size < 2 || memcmp(names[0].data + names[0].size - 2, ":0", 2) != 0;
}

static enum status named_read(struct keras *k, hdf5_object group, struct named **items,
                              size_t *count, struct error *err)
{
    struct bytes *names;

    TRY(names_read(k, group, "weight_names", &names, count, err));
    backend_guess(k, names, *count);
    *items = arena_new(k->keep, struct named, *count);
    if (!*items)
        return error_no_memory(err, "the weights");
    for (size_t i = 0; i < *count; i++) {
        hdf5_object dataset;

        (*items)[i].name = names[i];
        TRY(hdf5_find(k->file, group, names[i], &dataset, err));
        TRY(hdf5_read(k->file, dataset, &(*items)[i].tensor, err));
    }
    return STATUS_OK;
}

/* Is `part` one of the '/'-separated parts of the name? In Keras 1 it stands in front: NAME_W. */
static bool has_part(struct bytes name, const char *part)
{
    size_t length = strlen(part);

    if (name.size > length && !memcmp(name.data, part, length) && name.data[length] == '_' &&
        !memchr(name.data, '/', name.size))
        return true;
    while (name.size) {
        const uint8_t *slash = memchr(name.data, '/', name.size);
        size_t size = slash ? (size_t)(slash - name.data) : name.size;

        if (bytes_is((struct bytes){name.data, size}, part))
            return true;
        size += slash != NULL;
        name = (struct bytes){name.data + size, name.size - size};
    }
    return false;
}

static enum status weights_give(struct keras *k, struct weights *weights, size_t count,
                                struct error *err)
{
    weights->items = arena_new(k->keep, struct tensor, count);
    weights->names = arena_new(k->keep, struct bytes, count);
    return weights->items && weights->names ? STATUS_OK : error_no_memory(err, "the weights");
}

static void weights_add(struct weights *weights, const struct named *item)
{
    weights->names[weights->count] = item->name;
    weights->items[weights->count++] = item->tensor;
}

static enum status distribute(struct keras *k, struct network *network, struct named *items,
                              size_t count, struct error *err)
{
    for (size_t l = 0; l < network->count; l++) {
        struct layer *layer = &network->layers[l];
        size_t own = 0;

        if (layer->network) {
            TRY(distribute(k, layer->network, items, count, err));
            continue;
        }
        for (size_t i = 0; i < count; i++)
            own += !items[i].used && has_part(items[i].name, layer->name);
        TRY(weights_give(k, &layer->weights, own, err));
        for (size_t i = 0; i < count; i++) {
            if (items[i].used || !has_part(items[i].name, layer->name))
                continue;
            weights_add(&layer->weights, &items[i]);
            items[i].used = true;
        }
    }
    return STATUS_OK;
}

/* A model used as a layer: every weight must have found its layer. */
static enum status nested(struct keras *k, struct network *network, struct named *items,
                          size_t count, struct error *err)
{
    char quoted[TEXT_QUOTE_SIZE];

    TRY(distribute(k, network, items, count, err));
    for (size_t i = 0; i < count; i++)
        if (!items[i].used)
            return error_set(err, STATUS_UNSUPPORTED,
                             "weight '%s' of a model in it cannot be told to a layer",
                             text_quote(items[i].name, quoted, sizeof quoted));
    return STATUS_OK;
}

static enum status layer_weights(struct keras *k, hdf5_object all, struct layer *layer,
                                 struct error *err)
{
    struct named *items;
    hdf5_object group;
    size_t count;

    if (hdf5_find(k->file, all, bytes_of(layer->name), &group, err)) {
        if (err->status != STATUS_NOT_FOUND)
            return err->status;
        return STATUS_OK; /* without weights; who needs one will say so */
    }
    TRY(named_read(k, group, &items, &count, err));
    if (layer->network)
        return nested(k, layer->network, items, count, err);
    TRY(weights_give(k, &layer->weights, count, err));
    for (size_t i = 0; i < count; i++)
        weights_add(&layer->weights, &items[i]);
    return STATUS_OK;
}

enum status weights_find_h5(struct keras *k, struct network *network, struct error *err)
{
    hdf5_object root = hdf5_root(k->file), all;

    if (hdf5_find(k->file, root, bytes_of("model_weights"), &all, err)) {
        if (err->status != STATUS_NOT_FOUND)
            return err->status;
        all = root;
    }
    for (size_t l = 0; l < network->count; l++)
        if (layer_weights(k, all, &network->layers[l], err))
            return error_within(err, "layer '%.64s'", network->layers[l].name);
    return STATUS_OK;
}

/* --- archives --- */

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

/* keras/src/utils/naming.py, to_snake_case: without what is no letter, digit or underscore; an
 * underscore between a letter and a capital that a small letter follows, and between a small letter
 * and a capital; all small. */
static char *snake_case(struct keras *k, const char *name)
{
    size_t size = strlen(name), made = 0;
    char *plain = arena_alloc(k->keep, size + 1, 1),
         *result = arena_alloc(k->keep, 2 * size + 1, 1);
    size_t count = 0;

    if (!plain || !result)
        return NULL;
    for (size_t i = 0; i < size; i++)
        if (is_upper(name[i]) || is_lower(name[i]) || (name[i] >= '0' && name[i] <= '9') ||
            name[i] == '_')
            plain[count++] = name[i];
    for (size_t i = 0; i < count; i++) {
        bool word = i && is_upper(plain[i]) && i + 1 < count && is_lower(plain[i + 1]);
        bool step = i && is_upper(plain[i]) && is_lower(plain[i - 1]);

        if (word || step)
            result[made++] = '_';
        result[made++] = (char)(is_upper(plain[i]) ? plain[i] - 'A' + 'a' : plain[i]);
    }
    return result;
}

/* The class in Python, where the configuration has another name of it. */
static const char *class_of(const char *name)
{
    return strcmp(name, "GroupQueryAttention") ? name : "GroupedQueryAttention";
}

const char *archive_name(struct keras *k, struct map *seen, const char *class_name)
{
    const char *name = snake_case(k, class_of(class_name));
    size_t *before;

    if (!name)
        return NULL;
    before = map_find(seen, bytes_of(name));
    if (before)
        return arena_printf(k->keep, "%s_%zu", name, ++*before);
    before = arena_new(k->keep, size_t, 1);
    return before && map_set(seen, bytes_of(name), before) ? name : NULL;
}

static enum status archive_layers(struct keras *k, struct network *network, hdf5_object layers,
                                  const char *place, struct error *err)
{
    struct map seen;

    map_init(&seen, k->keep);
    for (size_t l = 0; l < network->count; l++) {
        struct layer *layer = &network->layers[l];
        const char *path;
        hdf5_object group;

        layer->weights.by_path = true;
        layer->weights.group = UINT64_MAX;
        if (layer->operation)
            continue;
        path = archive_name(k, &seen, layer->class_name);
        layer->weights.path = path ? arena_printf(k->keep, "%s%s", place, path) : NULL;
        if (!layer->weights.path)
            return error_no_memory(err, "the weights");
        if (hdf5_find(k->file, layers, bytes_of(path), &group, err)) {
            if (err->status != STATUS_NOT_FOUND)
                return err->status;
            continue;
        }
        layer->weights.group = group;
        if (layer->network &&
            weights_find_archive(k, layer->network, group, layer->weights.path, err))
            return error_within(err, "layer '%.64s'", layer->name);
    }
    return STATUS_OK;
}

enum status weights_find_archive(struct keras *k, struct network *network, hdf5_object group,
                                 const char *path, struct error *err)
{
    /* The second is of archives before Keras 2.13. */
    static const char *const LISTS[] = {"layers", "_layer_checkpoint_dependencies"};
    hdf5_object layers;

    for (size_t i = 0; i < ARRAY_COUNT(LISTS); i++) {
        const char *place = arena_printf(k->keep, "%s%s%s/", path, *path ? "/" : "", LISTS[i]);

        if (!place)
            return error_no_memory(err, "the weights");
        if (!hdf5_find(k->file, group, bytes_of(LISTS[i]), &layers, err))
            return archive_layers(k, network, layers, place, err);
        if (err->status != STATUS_NOT_FOUND)
            return err->status;
    }
    return archive_layers(k, network, group, path, err);
}

enum status weights_find_inner(struct keras *k, struct network *network, struct weights *weights,
                               struct error *err)
{
    size_t count = weights->count - weights->next;
    struct named *items;

    if (weights->by_path)
        return weights->group == UINT64_MAX || !weights->path
                   ? STATUS_OK
                   : weights_find_archive(k, network, weights->group, weights->path, err);
    items = arena_new(k->keep, struct named, count);
    if (!items)
        return error_no_memory(err, "the weights");
    for (size_t i = 0; i < count; i++)
        items[i] = (struct named){.name = weights->names[weights->next + i],
                                  .tensor = weights->items[weights->next + i]};
    weights->next = weights->count;
    return nested(k, network, items, count, err);
}

enum status weights_part(struct keras *k, struct weights *weights, const char *part,
                         struct weights *inner, struct error *err)
{
    *inner = *weights;
    if (!weights->by_path)
        return STATUS_OK;
    inner->next = 0;
    inner->path = weights->path ? arena_printf(k->keep, "%s/%s", weights->path, part) : NULL;
    if (weights->path && !inner->path)
        return error_no_memory(err, "the weights");
    if (weights->group != UINT64_MAX &&
        hdf5_find(k->file, weights->group, bytes_of(part), &inner->group, err)) {
        if (err->status != STATUS_NOT_FOUND)
            return err->status;
        inner->group = UINT64_MAX;
    }
    return STATUS_OK;
}

void weights_part_end(struct weights *weights, const struct weights *inner)
{
    if (!weights->by_path)
        weights->next = inner->next;
}

/* --- taking --- */

static enum status take_by_path(struct keras *k, struct weights *weights, struct tensor *tensor,
                                bool *found, struct error *err)
{
    char path[64];
    hdf5_object dataset;

    *found = false;
    if (weights->group == UINT64_MAX)
        return STATUS_OK;
    snprintf(path, sizeof path, "vars/%zu", weights->next);
    if (hdf5_find(k->file, weights->group, bytes_of(path), &dataset, err))
        return err->status == STATUS_NOT_FOUND ? STATUS_OK : err->status;
    *found = true;
    weights->next++;
    return hdf5_read(k->file, dataset, tensor, err);
}

static bool is_called(struct bytes name, const char *wanted)
{
    size_t size = strlen(wanted);

    return name.size >= size && !memcmp(name.data + name.size - size, wanted, size) &&
           (name.size == size || name.data[name.size - size - 1] == '/');
}

/* A list as if the layer had made those of these names first, in this order. */
enum status weights_reorder(struct call *c, const char *const *names, size_t name_count,
                            size_t *found, struct error *err)
{
    const struct weights *old = c->weights;
    struct weights made = *old;
    bool *taken = arena_new(c->k->keep, bool, old->count);
    size_t at = old->next;

    if (!taken)
        return error_no_memory(err, "the weights");
    made.items = arena_new(c->k->keep, struct tensor, old->count);
    made.names = arena_new(c->k->keep, struct bytes, old->count);
    if (!made.items || !made.names)
        return error_no_memory(err, "the weights");
    for (size_t n = 0; n <= name_count; n++) /* the last: all others */
        for (size_t i = old->next; i < old->count; i++) {
            if (taken[i] || (n < name_count && !is_called(old->names[i], names[n])))
                continue;
            taken[i] = true;
            made.items[at] = old->items[i];
            made.names[at++] = old->names[i];
            if (n < name_count)
                break;
        }
    *found = 0;
    for (size_t i = old->next; i < old->count; i++)
        for (size_t n = 0; n < name_count; n++)
            *found += is_called(made.names[i], names[n]);
    *c->weights = made;
    return STATUS_OK;
}

/* To the dtype in which the layer computes, rounded as its policy says. */
static enum status weight_cast(struct call *c, struct tensor *tensor, struct error *err)
{
    const enum dtype steps[] = {c->half, c->dtype};

    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        struct tensor cast;

        if (steps[i] == DTYPE_NONE || tensor->dtype == steps[i])
            continue;
        TRY(tensor_new(&cast, steps[i], &tensor->shape, c->k->keep, err));
        TRY(tensor_cast(tensor, &cast, err));
        *tensor = cast;
    }
    return STATUS_OK;
}

enum status weight_take(struct call *c, const char *what, int rank, struct tensor *tensor,
                        struct error *err)
{
    struct weights *weights = c->weights;
    bool found = weights->next < weights->count;

    if (weights->by_path)
        TRY(take_by_path(c->k, weights, tensor, &found, err));
    else if (found)
        *tensor = weights->items[weights->next++];
    if (!found)
        return error_set(err, STATUS_INVALID_INPUT, "the file has no weight for its %s", what);
    if (rank >= 0 && tensor->shape.rank != rank)
        return error_set(err, STATUS_INVALID_INPUT, "its %s has %d dimensions, not %d", what,
                         tensor->shape.rank, rank);
    if (!dtype_is_float(tensor->dtype) && rank >= 0)
        return error_set(err, STATUS_UNSUPPORTED, "its %s is %s", what, dtype_name(tensor->dtype));
    return dtype_is_float(tensor->dtype) ? weight_cast(c, tensor, err) : STATUS_OK;
}

enum status weight_take_any(struct call *c, const char *what, enum dtype dtype,
                            struct tensor *tensor, struct error *err)
{
    enum dtype computing = c->dtype, half = c->half;
    enum status status;

    c->dtype = c->half = DTYPE_NONE;
    status = weight_take(c, what, -1, tensor, err);
    c->dtype = computing;
    c->half = half;
    if (!status && tensor->dtype != dtype)
        return error_set(err, STATUS_INVALID_INPUT, "its %s is %s, not %s", what,
                         dtype_name(tensor->dtype), dtype_name(dtype));
    return status;
}

enum status weight_find(struct call *c, const char *name, struct tensor *tensor, bool *found,
                        struct error *err)
{
    const char *path = arena_printf(c->k->keep, "vars/%s", name);
    hdf5_object dataset;

    *found = false;
    if (!path)
        return error_no_memory(err, "a weight");
    if (!c->weights->by_path || c->weights->group == UINT64_MAX)
        return STATUS_OK;
    if (hdf5_find(c->k->file, c->weights->group, bytes_of(path), &dataset, err))
        return err->status == STATUS_NOT_FOUND ? STATUS_OK : err->status;
    *found = true;
    return hdf5_read(c->k->file, dataset, tensor, err);
}

enum status weights_asset(struct call *c, const char *name, struct bytes *bytes, bool *found,
                          struct error *err)
{
    const char *path;
    struct member *member;

    *found = false;
    if (!c->weights->path)
        return STATUS_OK;
    path = arena_printf(c->k->keep, "assets/%s/%s", c->weights->path, name);
    if (!path)
        return error_no_memory(err, "an asset");
    member = artifact_find(c->k->artifact, path);
    if (!member)
        return STATUS_OK;
    *found = true;
    return member_bytes(member, bytes, err);
}

enum status weight_constant(struct call *c, const char *what, int rank, value_id *value,
                            struct error *err)
{
    struct tensor tensor;

    TRY(weight_take(c, what, rank, &tensor, err));
    return emit_constant(c->e, &tensor, value, err);
}

enum status tensor_permute(const struct tensor *tensor, const int *perm, struct tensor *permuted,
                           struct arena *keep, struct error *err)
{
    struct shape shape = {.rank = tensor->shape.rank};
    struct block block = {.rank = shape.rank};
    size_t item = dtype_size(tensor->dtype), dims[RANK_MAX], steps[RANK_MAX];

    for (int d = 0; d < shape.rank; d++) {
        shape.dims[d] = tensor->shape.dims[perm[d]];
        dims[d] = (size_t)tensor->shape.dims[d];
        block.dims[d] = (size_t)shape.dims[d];
    }
    TRY(tensor_new(permuted, tensor->dtype, &shape, keep, err));
    block_steps(shape.rank, dims, item, steps);
    block_steps(shape.rank, block.dims, item, block.to);
    for (int d = 0; d < shape.rank; d++)
        block.from[d] = steps[perm[d]];
    block_copy(&block, tensor->data, permuted->data, item);
    return STATUS_OK;
}

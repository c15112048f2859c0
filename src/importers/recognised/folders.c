// SPDX-License-Identifier: Apache-2.0
/* Formats of several members, in a folder or an archive, told by what lies in it. */
#include "importers/recognised/internal.h"

static bool ends(const char *path, const char *ending)
{
    size_t size = strlen(path), tail = strlen(ending);

    return size >= tail && !strcmp(path + size - tail, ending);
}

static size_t depth_of(const char *path)
{
    size_t depth = 0;

    for (; *path; path++)
        depth += *path == '/';
    return depth;
}

struct member *look_find(const struct look *look, const char *name)
{
    struct member *best = NULL;

    for (size_t i = 0; i < look->artifact->count; i++) {
        struct member *member = &look->artifact->members[i];
        size_t size = strlen(member->path), tail = strlen(name);
        if (!ends(member->path, name) || (size > tail && member->path[size - tail - 1] != '/'))
            continue;
        if (!best || depth_of(member->path) < depth_of(best->path))
            best = member;
    }
    return best;
}

struct member *look_ending(const struct look *look, const char *ending)
{
    for (size_t i = 0; i < look->artifact->count; i++)
        if (ends(look->artifact->members[i].path, ending))
            return &look->artifact->members[i];
    return NULL;
}

static bool has(const struct look *look, const char *name)
{
    return look_find(look, name) != NULL;
}

/* Does the member hold this text near its beginning? */
static bool member_holds(struct member *member, const char *text)
{
    struct bytes bytes;
    struct error ignored;

    return member && !member_bytes(member, &bytes, &ignored) && bytes_hold(bytes, 1 << 20, text);
}

bool has_torch_zip(const struct look *look)
{
    return has(look, "data.pkl") && has(look, "version");
}

bool has_torchscript(const struct look *look)
{
    return has_torch_zip(look) && (has(look, "constants.pkl") || has(look, "bytecode.pkl"));
}

bool has_torch_export(const struct look *look)
{
    return has(look, "serialized_exported_program.json") ||
           (has(look, "archive_format") && look_ending(look, ".json"));
}

bool has_mxnet(const struct look *look)
{
    return look_ending(look, "-symbol.json") && look_ending(look, ".params");
}

bool has_caffe(const struct look *look)
{
    return look_ending(look, ".prototxt") && look_ending(look, ".caffemodel");
}

bool has_spark(const struct look *look)
{
    /* one text file, "part-00000" or "part-00000-UUID-c000.txt" */
    for (size_t i = 0; i < look->artifact->count; i++) {
        struct member *member = &look->artifact->members[i];
        const char *part = strstr(member->path, "metadata/part-00000");
        if (part && (part == member->path || part[-1] == '/') && member_holds(member, "\"class\""))
            return true;
    }
    return false;
}

bool has_mleap(const struct look *look)
{
    return has(look, "bundle.json");
}

bool has_bento(const struct look *look)
{
    return has(look, "bento.yaml");
}

bool has_model_archive(const struct look *look)
{
    return has(look, "MAR-INF/MANIFEST.json");
}

bool has_mlmodel(const struct look *look)
{
    return member_holds(look_find(look, "MLmodel"), "flavors:");
}

bool has_python_function(const struct look *look)
{
    return has(look, "src/func_main.py");
}

bool is_npz(const struct look *look)
{
    const struct artifact *artifact = look->artifact;

    for (size_t i = 0; i < artifact->count; i++)
        if (!ends(artifact->members[i].path, ".npy"))
            return false;
    return artifact->kind == ARTIFACT_ZIP && artifact->count > 0;
}

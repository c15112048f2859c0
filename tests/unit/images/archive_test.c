// SPDX-License-Identifier: Apache-2.0
/* Images in tar files, docker's own form and OCI layouts: what is read of them, and what is not. */
#include <unistd.h>

#include "images/place.h"
#include "test.h"
#include "unit/images/tars.h"

#define CONFIG "{}"
#define LAYER "layer"
#define OTHER "other"

struct archive_case {
    const char *what;
    const char *lines[TAR_ENTRIES_MAX];
    const char *want; /* of the error; NULL: it is read, and the layer is LAYER */
    enum status status;
    const char *tag; /* ":7"; NULL: none */
};

static void archive_write(const char *const *lines)
{
    struct text tar = {0};

    tar_of(&tar, lines);
    put_bytes("image.tar", text_bytes(&tar));
    text_release(&tar);
}

static enum status take(void *context, struct bytes bytes, struct error *err)
{
    text_append_bytes(context, bytes);
    return text_check(context, err);
}

/* The first layer's bytes, through the manifest. */
static enum status layer_read(const char *reference, struct text *layer, struct arena *keep,
                              struct error *err)
{
    const struct image_access access = {0};
    const struct image_sink sink = {take, layer};
    struct image_reference parsed;
    struct image_manifest manifest;
    struct image_place *place;
    struct bytes bytes;
    enum status status;

    CHECK_OK(image_reference_parse(reference, &parsed, keep, err), *err);
    TRY(image_place_open(&parsed, &access, &place, err));
    status = place->class->manifest_read(place, parsed.tag, &bytes, keep, err);
    if (!status)
        status = image_manifest_parse(bytes, &manifest, keep, err);
    if (!status && manifest.layer_count)
        status = place->class->blob_read(place, &manifest.layers[0], &sink, err);
    image_place_close(place);
    return status;
}

static void check_case(const char *kind, const struct archive_case *one)
{
    char reference[80];
    struct text layer = {0};
    struct arena keep;
    struct error err = {0};
    enum status status;

    arena_init(&keep, 64 << 20);
    archive_write(one->lines);
    snprintf(reference, sizeof reference, "%s:image.tar%s", kind, one->tag ? one->tag : "");
    status = layer_read(reference, &layer, &keep, &err);
    if (status != one->status || (one->want && !strstr(err.text, one->want)))
        fail_msg("%s: %s: %s", one->what, status_name(status), status ? err.text : "");
    if (!one->want && !bytes_is(text_bytes(&layer), LAYER))
        fail_msg("%s: the layer is \"%.*s\"", one->what, (int)layer.size, layer.data);
    text_release(&layer);
    arena_release(&keep);
}

/* --- docker's own form --- */

#define MANIFEST(layers, tags)                                                                     \
    "f manifest.json [{\"Config\":\"c.json\",\"RepoTags\":[" tags "],\"Layers\":[" layers "]}]"
#define ONE MANIFEST("\"a/layer.tar\"", "\"shop/iris:7\"")

static const struct archive_case DOCKER[] = {
    {"as docker writes it", {ONE, "f c.json " CONFIG, "d a/", "f a/layer.tar " LAYER}},
    {"its tag", {ONE, "f c.json " CONFIG, "f a/layer.tar " LAYER}, .tag = ":7"},
    {"another tag", {ONE}, "no tag \"8\"", STATUS_NOT_FOUND, ":8"},
    {"a tag's end", {ONE}, "no tag \"is\"", STATUS_NOT_FOUND, ":is"},
    {"names with ./",
     {"f ./manifest.json [{\"Config\":\"./c.json\",\"Layers\":[\"./a/l\"]}]", "f ./c.json " CONFIG,
      "f ./a/l " LAYER}},
    {"a layer that is a link",
     {ONE, "f c.json " CONFIG, "l a/layer.tar ../b/layer.tar", "f b/layer.tar " LAYER}},
    {"a layer that is a link beside it",
     {ONE, "f c.json " CONFIG, "l a/layer.tar layer2", "f a/layer2 " LAYER}},
    {"a link to a link",
     {ONE, "f c.json " CONFIG, "l a/layer.tar b", "l a/b c", "f a/c " LAYER},
     "has no \"a/layer.tar\"",
     STATUS_NOT_FOUND},
    {"a link that leaves",
     {ONE, "f c.json " CONFIG, "l a/layer.tar ../../../etc/passwd"},
     "has no \"a/layer.tar\"",
     STATUS_NOT_FOUND},
    {"a link to what is absolute",
     {ONE, "f c.json " CONFIG, "l a/layer.tar /etc/passwd"},
     "has no \"a/layer.tar\"",
     STATUS_NOT_FOUND},
    {"a hard link",
     {ONE, "f c.json " CONFIG, "f b " LAYER, "h a/layer.tar b"},
     "has no \"a/layer.tar\"",
     STATUS_NOT_FOUND},
    {"a device",
     {ONE, "f c.json " CONFIG, "b a/layer.tar"},
     "has no \"a/layer.tar\"",
     STATUS_NOT_FOUND},
    {"a layer that is missing",
     {ONE, "f c.json " CONFIG},
     "has no \"a/layer.tar\"",
     STATUS_NOT_FOUND},
    {"a configuration that is missing",
     {ONE, "f a/layer.tar " LAYER},
     "has no \"c.json\"",
     STATUS_NOT_FOUND},
    {"a layer with ..",
     {MANIFEST("\"x/../a\"", ""), "f c.json " CONFIG, "f a " LAYER},
     "has no \"x/../a\"",
     STATUS_NOT_FOUND},
    {"a layer that is absolute",
     {MANIFEST("\"/a\"", ""), "f c.json " CONFIG, "f a " LAYER},
     "has no \"/a\"",
     STATUS_NOT_FOUND},
    {"a layer twice",
     {ONE, "f c.json " CONFIG, "f a/layer.tar " LAYER, "f a/layer.tar " OTHER},
     "has \"a/layer.tar\" twice",
     STATUS_INVALID_INPUT},
    {"a link and a file of one name",
     {ONE, "f c.json " CONFIG, "f b " OTHER, "l a/layer.tar ../b", "f a/layer.tar " LAYER},
     "has \"a/layer.tar\" twice",
     STATUS_INVALID_INPUT},
    {"manifest.json twice",
     {ONE, "f c.json " CONFIG, "f a/layer.tar " LAYER, ONE},
     "has \"manifest.json\" twice",
     STATUS_INVALID_INPUT},
    {"what is not used twice", {ONE, "f c.json " CONFIG, "f a/layer.tar " LAYER, "f x 1", "f x 2"}},
    {"no manifest.json",
     {"f c.json " CONFIG, "f a/layer.tar " LAYER},
     "it is no image",
     STATUS_INVALID_INPUT},
    {"nothing", {NULL}, "it is no image", STATUS_INVALID_INPUT},
    {"a manifest.json that is a folder",
     {"d manifest.json/"},
     "it is no image",
     STATUS_INVALID_INPUT},
    {"a manifest.json that is no list",
     {"f manifest.json {}"},
     "it lists no images",
     STATUS_INVALID_INPUT},
    {"a manifest.json that is empty",
     {"f manifest.json []"},
     "it has 0 images",
     STATUS_INVALID_INPUT},
    {"a manifest.json that is no JSON",
     {"f manifest.json [{"},
     "manifest.json",
     STATUS_INVALID_INPUT},
    {"two images",
     {"f manifest.json [{},{}]"},
     "it has 2 images, name a tag",
     STATUS_INVALID_INPUT},
    {"a layer without a name",
     {MANIFEST("{}", ""), "f c.json " CONFIG},
     "a file has no name",
     STATUS_INVALID_INPUT},
    {"no layers",
     {"f manifest.json [{\"Config\":\"c.json\"}]", "f c.json " CONFIG},
     "has no list of layers",
     STATUS_INVALID_INPUT},
};

TEST(what_docker_saved)
{
    for (size_t i = 0; i < ARRAY_COUNT(DOCKER); i++)
        check_case("docker-archive", &DOCKER[i]);
}

/* --- an OCI layout in it --- */

static char INDEX[512], MANIFEST_LINE[600], CONFIG_LINE[160], LAYER_LINE[160], LIE_LINE[160];
static char MANIFEST_PATH[128];

static void oci_make(void)
{
    char config[72], layer[72], manifest[72], json[400];

    digest_of(bytes_of(CONFIG), config);
    digest_of(bytes_of(LAYER), layer);
    snprintf(json, sizeof json,
             "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" IMAGE_TYPE_CONFIG
             "\",\"digest\":\"%s\",\"size\":2},\"layers\":[{\"mediaType\":\"t\",\"digest\":\"%s\","
             "\"size\":5}]}",
             config, layer);
    digest_of(bytes_of(json), manifest);
    snprintf(INDEX, sizeof INDEX,
             "f index.json {\"manifests\":[{\"digest\":\"%s\",\"size\":%zu,\"annotations\":{"
             "\"org.opencontainers.image.ref.name\":\"7\"}}]}",
             manifest, strlen(json));
    snprintf(MANIFEST_PATH, sizeof MANIFEST_PATH, "blobs/sha256/%s", manifest + 7);
    snprintf(MANIFEST_LINE, sizeof MANIFEST_LINE, "f %s %s", MANIFEST_PATH, json);
    snprintf(CONFIG_LINE, sizeof CONFIG_LINE, "f blobs/sha256/%s " CONFIG, config + 7);
    snprintf(LAYER_LINE, sizeof LAYER_LINE, "f blobs/sha256/%s " LAYER, layer + 7);
    snprintf(LIE_LINE, sizeof LIE_LINE, "f blobs/sha256/%s " OTHER, layer + 7);
}

TEST(an_oci_layout_in_a_tar)
{
    const struct archive_case cases[] = {
        {"as skopeo writes it", {"f oci-layout {}", INDEX, MANIFEST_LINE, CONFIG_LINE, LAYER_LINE}},
        {"its tag", {INDEX, MANIFEST_LINE, CONFIG_LINE, LAYER_LINE}, .tag = ":7"},
        {"with docker's manifest.json, which does not count",
         {"f manifest.json []", INDEX, MANIFEST_LINE, CONFIG_LINE, LAYER_LINE}},
        {"another tag", {INDEX}, "no tag \"8\"", STATUS_NOT_FOUND, ":8"},
        {"without its manifest",
         {INDEX, CONFIG_LINE, LAYER_LINE},
         "has no blob sha256:",
         STATUS_NOT_FOUND},
        {"without its layer",
         {INDEX, MANIFEST_LINE, CONFIG_LINE},
         "has no blob sha256:",
         STATUS_NOT_FOUND},
        {"a layer twice",
         {INDEX, MANIFEST_LINE, LAYER_LINE, LIE_LINE},
         "twice",
         STATUS_INVALID_INPUT},
        {"an index that lists nothing",
         {"f index.json {}"},
         "lists no manifests",
         STATUS_INVALID_INPUT},
        {"an index whose digest is a path",
         {"f index.json {\"manifests\":[{\"digest\":\"sha256:../../../../etc/passwd\"}]}"},
         "no sha256 digest",
         STATUS_INVALID_INPUT},
    };

    oci_make();
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        if (!strcmp(cases[i].what, "as skopeo writes it"))
            check_case("docker-archive", &cases[i]); /* either name does */
        check_case("oci-archive", &cases[i]);
    }
}

/* Digests are the reader's to check: the archive gives what it has, of whatever size. */
TEST(other_bytes_are_given_as_they_are)
{
    const char *lines[] = {INDEX, MANIFEST_LINE, CONFIG_LINE, LIE_LINE, NULL};
    struct text layer = {0};
    struct arena keep;
    struct error err;

    arena_init(&keep, 1 << 20);
    oci_make();
    archive_write(lines);
    CHECK_OK(layer_read("oci-archive:image.tar", &layer, &keep, &err), err);
    CHECK(bytes_is(text_bytes(&layer), OTHER));
    text_release(&layer);
    arena_release(&keep);
}

/* --- sizes --- */

static void check_size(const struct text *tar, enum status status, const char *want)
{
    struct text layer = {0};
    struct arena keep;
    struct error err = {0};

    arena_init(&keep, 64 << 20);
    put_bytes("image.tar", text_bytes(tar));
    CHECK_FAILS(layer_read("docker-archive:image.tar", &layer, &keep, &err), err, status, want);
    text_release(&layer);
    arena_release(&keep);
}

TEST(archives_that_are_cut_off)
{
    const char *lines[] = {ONE, "f c.json " CONFIG, "f a/layer.tar " LAYER, NULL};
    struct text tar = {0};

    tar_of(&tar, lines);
    while (tar.size > TAR_END_SIZE + 100) {
        tar.size -= tar.size % TAR_BLOCK ? tar.size % TAR_BLOCK : 100;
        if (tar.size % TAR_BLOCK && tar.size < 6 * TAR_BLOCK)
            check_size(&tar, STATUS_INVALID_INPUT, "broken tar");
    }
    text_release(&tar);
}

TEST(archives_that_are_huge)
{
    struct text tar = {0};
    char path[32];

    for (int i = 0; i <= 100000; i++) {
        snprintf(path, sizeof path, "f %d", i);
        tar_line(&tar, path);
    }
    tar_zeros(&tar, TAR_END_SIZE);
    check_size(&tar, STATUS_TOO_LARGE, "more than 100000 files");
    text_clear(&tar);
    tar_write_head(&tar, bytes_of("manifest.json"), IMAGE_MANIFEST_MAX + 1, TAR_FILE);
    tar_zeros(&tar, 0);
    for (size_t at = 0; at < (size_t)IMAGE_MANIFEST_MAX + TAR_BLOCK; at += TAR_BLOCK)
        tar_zeros(&tar, TAR_BLOCK);
    tar_zeros(&tar, TAR_END_SIZE);
    check_size(&tar, STATUS_TOO_LARGE, "\"manifest.json\" has more than 4194304 bytes");
    text_clear(&tar);
    tar_write_head(&tar, bytes_of("manifest.json"), (uint64_t)1 << 62, TAR_FILE);
    tar_zeros(&tar, TAR_END_SIZE);
    check_size(&tar, STATUS_INVALID_INPUT, "it ends early");
    text_release(&tar);
}

TEST(many_layers)
{
    struct text tar = {0}, manifest = {0};

    text_append(&manifest, "f manifest.json [{\"Config\":\"c.json\",\"Layers\":[");
    for (int i = 0; i <= IMAGE_LAYERS_MAX; i++)
        text_append(&manifest, i ? ",\"a\"" : "\"a\"");
    text_append(&manifest, "]}]");
    CHECK(!text_check(&manifest, &(struct error){0}));
    tar_line(&tar, manifest.data);
    tar_line(&tar, "f c.json " CONFIG);
    tar_line(&tar, "f a " LAYER);
    tar_zeros(&tar, TAR_END_SIZE);
    check_size(&tar, STATUS_TOO_LARGE, "129 layers, more than 128");
    text_release(&manifest);
    text_release(&tar);
}

TEST(an_archive_is_only_read)
{
    const struct image_access to_write = {.write = true};
    struct image_reference parsed;
    struct image_place *place;
    struct arena keep;
    struct error err;

    arena_init(&keep, 1 << 20);
    CHECK_OK(image_reference_parse("docker-archive:new.tar", &parsed, &keep, &err), err);
    CHECK_FAILS(image_place_open(&parsed, &to_write, &place, &err), err, STATUS_UNSUPPORTED,
                "only read");
    CHECK(access("new.tar", F_OK) != 0);
    arena_release(&keep);
}

// SPDX-License-Identifier: Apache-2.0
/* Base images: which Python and which packages a container would see in their layers. */
#include "images/base.h"

#include "base/file.h"
#include "test.h"
#include "unit/images/tars.h"

enum { LAYERS_MAX = 4, LINES_MAX = 6 };

#define SITE "opt/py/lib/python3.11/site-packages/"
#define BIN "f opt/py/bin/python3 elf"
#define NUMPY "f " SITE "numpy-2.0.dist-info/METADATA n"

struct base_case {
    const char *what;
    const char *layers[LAYERS_MAX][LINES_MAX + 1]; /* the lowest first */
    const char *want;                              /* its prefix; or of the error */
    enum status status;
    const char *path;         /* its PATH; NULL: "/usr/bin:/opt/py/bin" */
    const char *requirements; /* NULL: none */
};

static const struct base_case CASES[] = {
    {"Python and numpy", {{BIN, NUMPY}}, "/opt/py"},
    {"in two layers", {{BIN}, {NUMPY}}, "/opt/py"},
    {"Python that is a link", {{"l opt/py/bin/python3 python3.11", NUMPY}}, "/opt/py"},
    {"Python that is a hard link",
     {{"h opt/py/bin/python3 opt/py/bin/python3.11", NUMPY}},
     "/opt/py"},
    {"names with ./ and /",
     {{"f ./opt/py/bin/python3 elf", "f /" SITE "numpy-2.dist-info/M n"}},
     "/opt/py"},
    {"an egg", {{BIN, "f " SITE "numpy-1.0.egg-info old"}}, "/opt/py"},
    {"the first of its PATH",
     {{BIN, "f usr/bin/python3 elf", "f usr/lib/p/numpy-2.dist-info/M n"}},
     "/usr"},
    {"a folder of its PATH that is called otherwise",
     {{"f opt/x/python3 elf", BIN, NUMPY}},
     "/opt/py",
     .path = "/opt/x:/opt/py/bin"},
    {"the PATH that engines give",
     {{"f usr/local/bin/python3 elf", "f usr/local/lib/numpy-2.dist-info/M n"}},
     "/usr/local",
     .path = ""},
    {"nothing", {{"d opt/"}}, "no python3 in its PATH", STATUS_NOT_FOUND},
    {"a folder called python3",
     {{"d opt/py/bin/python3/", NUMPY}},
     "no python3 in its PATH",
     STATUS_NOT_FOUND},
    {"no numpy", {{BIN}}, "its Python in /opt/py lacks numpy", STATUS_NOT_FOUND},
    {"numpy's folder alone",
     {{BIN, "d " SITE "numpy-2.0.dist-info/"}},
     "lacks numpy",
     STATUS_NOT_FOUND},
    {"numpy of another Python",
     {{BIN, "f usr/lib/numpy-2.dist-info/M n"}},
     "lacks numpy",
     STATUS_NOT_FOUND},
    {"numpy of a namesake",
     {{BIN, "f opt/pypy/numpy-2.dist-info/M n"}},
     "lacks numpy",
     STATUS_NOT_FOUND},
    {"another package's name goes on",
     {{BIN, "f " SITE "numpy_financial-1.dist-info/M n"}},
     "lacks numpy",
     STATUS_NOT_FOUND},
    {"whited out",
     {{BIN, NUMPY}, {"f opt/py/bin/.wh.python3 "}},
     "no python3 in its PATH",
     STATUS_NOT_FOUND},
    {"whited out, and there again",
     {{BIN, NUMPY}, {"f opt/py/bin/.wh.python3 "}, {BIN}},
     "/opt/py"},
    {"whited out in its own layer", {{"f opt/py/bin/.wh.python3 ", BIN, NUMPY}}, "/opt/py"},
    {"whited out with a slash",
     {{BIN, NUMPY}, {"d opt/py/bin/.wh.python3/"}},
     "no python3 in its PATH",
     STATUS_NOT_FOUND},
    {"whited out above",
     {{BIN, NUMPY}, {"f .wh.opt "}},
     "no python3 in its PATH",
     STATUS_NOT_FOUND},
    {"an opaque folder",
     {{BIN, NUMPY}, {"f " SITE ".wh..wh..opq "}},
     "lacks numpy",
     STATUS_NOT_FOUND},
    {"an opaque root, and all again", {{BIN, NUMPY}, {"f .wh..wh..opq ", BIN, NUMPY}}, "/opt/py"},
    {"an opaque folder elsewhere", {{BIN, NUMPY}, {"f opt/p/.wh..wh..opq "}}, "/opt/py"},
    {"a package that an upper layer took away",
     {{BIN, NUMPY}, {"f " SITE ".wh.numpy-2.0.dist-info "}},
     "lacks numpy",
     STATUS_NOT_FOUND},
    {"a file over its folder", {{BIN, NUMPY}, {"f opt/py/lib x"}}, "lacks numpy", STATUS_NOT_FOUND},
    {"a link over its folder",
     {{BIN, NUMPY}, {"l opt/py /usr"}},
     "no python3 in its PATH",
     STATUS_NOT_FOUND},
    {"a folder over python3",
     {{BIN, NUMPY}, {"d opt/py/bin/python3/"}},
     "no python3 in its PATH",
     STATUS_NOT_FOUND},
    {"a path that leaves",
     {{BIN, NUMPY}, {"f ../../x 1"}},
     "layer 2 of 2: refused",
     STATUS_UNSUPPORTED},
    {"what is required",
     {{BIN, NUMPY, "f " SITE "Scikit_Learn-1.dist-info/M s"}},
     "/opt/py",
     .requirements = "scikit-learn==1\n# more\nnumpy>=1\n-i https://x\npywin32; os_name=='nt'\n"},
    {"what is required and not there",
     {{BIN, NUMPY}},
     "lacks scikit-learn, requests",
     STATUS_NOT_FOUND,
     .requirements = "scikit-learn==1\nrequests[socks]"},
};

static void descriptor(struct text *json, const char *digest, size_t size)
{
    text_printf(json, "{\"mediaType\":\"t\",\"digest\":\"%s\",\"size\":%zu}", digest, size);
}

static void blob_put(struct bytes bytes, char digest[72])
{
    char path[128];

    digest_of(bytes, digest);
    snprintf(path, sizeof path, "base/blobs/sha256/%s", digest + 7);
    put_bytes(path, bytes);
}

/* The image as a layout in the folder "base". */
static void layout_make(const struct base_case *one)
{
    struct text config = {0}, manifest = {0}, layers = {0}, index = {0};
    char digest[72];
    struct error err;

    CHECK_OK(file_remove_tree("base", &err), err);
    CHECK_OK(file_make_folders("base/blobs/sha256", &err), err);
    text_printf(&config, "{\"config\":{\"Env\":[\"A=b\"");
    if (!one->path || *one->path)
        text_printf(&config, ",\"PATH=%s\"", one->path ? one->path : "/usr/bin:/opt/py/bin");
    text_append(&config, "]},\"rootfs\":{\"diff_ids\":[");
    for (size_t i = 0; i < LAYERS_MAX && one->layers[i][0]; i++) {
        struct text tar = {0};
        tar_of(&tar, one->layers[i]);
        blob_put(text_bytes(&tar), digest);
        text_printf(&config, "%s\"%s\"", i ? "," : "", digest);
        text_append(&layers, i ? "," : "");
        descriptor(&layers, digest, tar.size);
        text_release(&tar);
    }
    text_append(&config, "]}}");
    blob_put(text_bytes(&config), digest);
    text_append(&manifest, "{\"schemaVersion\":2,\"config\":");
    descriptor(&manifest, digest, config.size);
    text_append(&manifest, ",\"layers\":[");
    text_append_bytes(&manifest, text_bytes(&layers));
    text_append(&manifest, "]}");
    blob_put(text_bytes(&manifest), digest);
    text_append(&index, "{\"schemaVersion\":2,\"manifests\":[");
    descriptor(&index, digest, manifest.size);
    text_append(&index, "]}");
    put_bytes("base/index.json", text_bytes(&index));
    put_bytes("base/oci-layout", bytes_of("{\"imageLayoutVersion\":\"1.0.0\"}"));
    text_release(&config);
    text_release(&manifest);
    text_release(&layers);
    text_release(&index);
}

static void check_case(struct registry *registry, const struct base_case *one)
{
    const struct image_hosts hosts = {0};
    struct image_reference reference;
    struct incoming *incoming;
    struct image_base base;
    struct arena keep;
    struct error err = {0};
    const char *got;
    enum status status;

    arena_init(&keep, 16 << 20);
    layout_make(one);
    CHECK_OK(image_reference_parse("oci:base", &reference, &keep, &err), err);
    CHECK_OK(incoming_open(registry, &incoming, &err), err);
    status =
        image_base_read(incoming, &reference, &hosts,
                        bytes_of(one->requirements ? one->requirements : ""), &base, &keep, &err);
    got = status ? err.text : base.prefix;
    if (status != one->status || (status ? !strstr(got, one->want) : strcmp(got, one->want) != 0))
        fail_msg("%s: %s: %s", one->what, status_name(status), got);
    CHECK(!status || strstr(err.text, "base image: "));
    if (!status)
        CHECK_TEXT(base.variables[0], "A=b");
    incoming_close(incoming);
    arena_release(&keep);
}

TEST(what_a_base_has)
{
    struct registry *registry;
    struct error err;

    CHECK_OK(registry_open("store", &registry, &err), err);
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++)
        check_case(registry, &CASES[i]);
    registry_close(registry);
}

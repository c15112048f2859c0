// SPDX-License-Identifier: Apache-2.0
#include "formats/yaml.h"

#include "base/text.h"
#include "test.h"

static enum status parse(const char *text, struct yaml *root, struct arena *keep, struct error *err)
{
    arena_init(keep, 64 << 20);
    return yaml_parse(bytes_of(text), "file.yaml", root, keep, err);
}

TEST(scalars_of_the_core_schema)
{
    static const struct {
        const char *text;
        enum yaml_kind kind;
        double value;
    } CASES[] = {
        {"a: true", YAML_BOOL, 1},
        {"a: no", YAML_TEXT, 0},
        {"a: on", YAML_TEXT, 0},
        {"a: 'true'", YAML_TEXT, 0},
        {"a: null", YAML_NULL, 0},
        {"a: ~", YAML_NULL, 0},
        {"a:", YAML_NULL, 0},
        {"a: ''", YAML_TEXT, 0},
        {"a: -1", YAML_INT, -1},
        {"a: 0x10", YAML_INT, 16},
        {"a: 0o17", YAML_INT, 15},
        {"a: 010", YAML_INT, 10},
        {"a: 1.5", YAML_FLOAT, 1.5},
        {"a: 1e3", YAML_FLOAT, 1000},
        {"a: 1_000", YAML_TEXT, 0},
        {"a: 3.6.5", YAML_TEXT, 0},
        {"a: 2001-01-01", YAML_TEXT, 0},
        {"a: e", YAML_TEXT, 0},
        {"a: 99999999999999999999", YAML_FLOAT, 1e20},
    };

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct arena keep;
        struct error err = {0};
        struct yaml root;
        const struct yaml *a;
        CHECK_OK(parse(CASES[i].text, &root, &keep, &err), err);
        a = yaml_get(&root, "a");
        CHECK(a);
        if (a->kind != CASES[i].kind)
            fail_msg("%s is %s", CASES[i].text, yaml_kind_name(a->kind));
        if (a->kind == YAML_INT)
            CHECK_INT(a->integer, CASES[i].value);
        if (a->kind == YAML_FLOAT)
            CHECK_NEAR(a->number, CASES[i].value, 1);
        if (a->kind == YAML_BOOL)
            CHECK_INT(a->boolean, CASES[i].value);
        arena_release(&keep);
    }
}

TEST(lists_maps_and_lines)
{
    struct arena keep;
    struct error err = {0};
    struct yaml root;
    const struct yaml *b;

    CHECK_OK(parse("a: [1, 2]\n# note\nb:\n  - x\n  - y: {z: 3}\n", &root, &keep, &err), err);
    CHECK_INT(root.count, 2);
    CHECK_INT(yaml_get(&root, "a")->count, 2);
    b = yaml_get(&root, "b");
    CHECK_INT(b->key_line, 3);
    CHECK_INT(b->items[1].line, 5);
    CHECK_INT(yaml_get(yaml_get(&b->items[1], "y"), "z")->integer, 3);
    CHECK(!yaml_get(&root, "c"));
    arena_release(&keep);
}

TEST(what_is_refused)
{
    static const struct {
        const char *text, *part;
    } CASES[] = {
        {"a: 1\nb: 2\na: 3\n", "file.yaml:3: key \"a\" is already given in line 1"},
        {"a: &x 1\nb: *x\n", "file.yaml:1: anchors"},
        {"a: *x\n", "file.yaml:1: aliases"},
        {"a: !!python/object:os.system 1\n", "file.yaml:1: tags"},
        {"<<: {a: 1}\n", "file.yaml:1: merge keys"},
        {"a: 1\n---\nb: 2\n", "file.yaml:2: a second document"},
        {"? [a, b]\n: c\n", "file.yaml:1: a key must be"},
        {"a: [1, 2\n", "file.yaml:2:"},
        {"a:\n\tb: 1\n", "file.yaml:2:"},
        {"a: \"\\0\"\n", "zero byte"},
        {"a: \xff\n", "not UTF-8"},
        {"\"a\\n\": 1\n", "control character"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        struct arena keep;
        struct error err = {0};
        struct yaml root;
        CHECK_FAILS(parse(CASES[i].text, &root, &keep, &err), err, STATUS_INVALID_INPUT,
                    CASES[i].part);
        arena_release(&keep);
    }
}

TEST(depth_and_size_are_bounded)
{
    struct text deep = {0};
    struct arena keep;
    struct error err = {0};
    struct yaml root;

    for (int i = 0; i < 100000; i++)
        text_append(&deep, "[");
    CHECK_FAILS(parse(deep.data, &root, &keep, &err), err, STATUS_TOO_LARGE, "nested deeper");
    arena_release(&keep);
    text_clear(&deep);
    while (deep.size <= YAML_BYTES_MAX)
        text_append(&deep, "# a line of nothing\n");
    CHECK_FAILS(parse(deep.data, &root, &keep, &err), err, STATUS_TOO_LARGE, "more than");
    arena_release(&keep);
    text_release(&deep);
}

// SPDX-License-Identifier: Apache-2.0
/* What Python's pickler does not write today: old opcodes, broken and hostile input. */
#include "formats/pickle/pickle.h"

#include "base/text.h"

#include "test.h"

struct run {
    struct arena keep;
    struct pickle pickle;
    struct error err;
    enum status status;
};

static void run_bytes(struct run *run, struct bytes bytes, const struct pickle_limits *limits)
{
    memset(run, 0, sizeof *run);
    arena_init(&run->keep, 256 << 20);
    run->status = pickle_read(bytes, NULL, NULL, limits, &run->pickle, &run->keep, &run->err);
}

#define LITERAL(text) ((struct bytes){(const uint8_t *)(text), sizeof(text) - 1})

/* The tree of a pickle that is given as a literal, as text. */
static void check_prints(struct bytes bytes, const char *want)
{
    struct run run;
    struct text text = {0};

    run_bytes(&run, bytes, NULL);
    CHECK_OK(run.status, run.err);
    CHECK_INT(run.pickle.end, bytes.size);
    pickle_print(&text, run.pickle.root, 1000);
    CHECK_TEXT(text.data, want);
    text_release(&text);
    arena_release(&run.keep);
}
#define PRINTS(literal, want) check_prints(LITERAL(literal), want)

static void check_fails(struct bytes bytes, enum status status, const char *part)
{
    struct run run;

    run_bytes(&run, bytes, NULL);
    CHECK_FAILS(run.status, run.err, status, part);
    arena_release(&run.keep);
}
#define FAILS(literal, status, part) check_fails(LITERAL(literal), STATUS_##status, part)

TEST(text_opcodes)
{
    PRINTS("I01\n.", "True\n");
    PRINTS("I00\n.", "False\n");
    PRINTS("I0\n.", "0\n");
    PRINTS("I-12345678901\n.", "-12345678901\n");
    PRINTS("L-9223372036854775808L\n.", "-9223372036854775808\n");
    PRINTS("L9223372036854775808L\n.", "integer of 9 bytes\n");
    PRINTS("F-0.5\n.", "-0.5\n");
    PRINTS("Fnan\n.", "NaN\n");
    PRINTS("S'a\\'b\\n\\x41\\101'\n.", "\"a'b\\x0aAA\"\n");
    PRINTS("S\"it's\"\n.", "\"it's\"\n");
    PRINTS("S'\\xe9'\n.", "bytes \"\\xe9\"\n");
    PRINTS("U\1\xff.", "bytes \"\\xff\"\n");
    PRINTS("T\2\0\0\0ab.", "\"ab\"\n");
    PRINTS("Va\\u00e9\\\\u00e9\\U0001f600\xe9\n.",
           "\"a\xc3\xa9\\\\u00e9\xf0\x9f\x98\x80\xc3\xa9\"\n");
    PRINTS("V\\ud83d\\ude00\n.", "\"\xf0\x9f\x98\x80\"\n");
    PRINTS("(lp0\nI1\naI2\na.", "list of 2\n  1\n  2\n");
    PRINTS("(dp0\nS'k'\nI1\ns.", "dict of 1\n  \"k\": 1\n");
    PRINTS("(I1\nI2\nt.", "tuple of 2\n  1\n  2\n");
    PRINTS("(S'k'\nI1\nd.", "dict of 1\n  \"k\": 1\n");
    PRINTS("I7\np5\n0g5\n.", "7\n");
}

TEST(rare_opcodes)
{
    PRINTS("(I1\niweb.shop\nOrder\n.", "object web.shop.Order\n  from tuple of 1\n    1\n");
    PRINTS("(cweb.shop\nOrder\nI1\no.", "object web.shop.Order\n  from tuple of 1\n    1\n");
    PRINTS("K\1"
           "2\x86.",
           "tuple of 2\n  1\n  1\n");
    PRINTS("K\1(K\2K\3"
           "1.",
           "1\n");
    PRINTS("K\1(0.", "1\n");
    PRINTS("\x82\x05.", "copyreg.extension.5\n");
    PRINTS("\x84\x01\x02\0\0)R.", "object copyreg.extension.513\n");
    PRINTS("Pname\n.", "persistent\n  \"name\"\n");
    PRINTS("K\1Q.", "persistent\n  1\n");
    PRINTS("C\1a\x98.", "bytes \"a\"\n");
    PRINTS("\x95\xff\0\0\0\0\0\0\0N.", "None\n"); /* a frame longer than the file: a hint */
    PRINTS("\x8f(K\1K\2\x90.", "set of 2\n  1\n  2\n");
    PRINTS("(K\1\x91.", "frozenset of 1\n  1\n");
    PRINTS("ca\nB\n)}S'x'\nK\1s\x92.", "object a.B\n  with dict of 1\n    \"x\": 1\n");
    PRINTS("\x80\2\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\xff.", "-1\n");
    PRINTS("\x8a\0.", "0\n");
    PRINTS("ca\nB\n)\x81N}S'x'\nK\1s\x86"
           "b.",
           "object a.B\n  slots dict of 1\n    \"x\": 1\n");
}

TEST(pure_callables)
{
    PRINTS("c__builtin__\nset\nK\1\x85R.", "object builtins.set\n  from tuple of 1\n    1\n");
    PRINTS("c__builtin__\nset\n(lK\1a\x85R.", "set of 1\n  1\n");
    PRINTS("c__builtin__\nbytearray\nVa\\u00ff\nVlatin-1\n\x86R.", "bytearray \"a\\xff\"\n");
    PRINTS("c_codecs\nencode\nV\xe9\nVlatin1\n\x86R.", "bytes \"\\xe9\"\n");
    PRINTS("c__builtin__\nfloat\nVinf\n\x85R.", "Infinity\n");
    PRINTS("c__builtin__\nlong\nK\7\x85R.", "7\n");
    PRINTS("ccopy_reg\n_reconstructor\n(ca\nB\nc__builtin__\ndict\n}S'k'\nK\1stR.",
           "object a.B\n  \"k\": 1\n");
    PRINTS("ccopy_reg\n__newobj__\nca\nB\nK\1\x86R.", "object a.B\n  from tuple of 1\n    1\n");
    PRINTS("ccollections\nOrderedDict\n(lS'k'\nK\1\x86"
           "a\x85R.",
           "object collections.OrderedDict\n  from tuple of 1\n    list of 1\n      tuple of 2\n"
           "        \"k\"\n        1\n  \"k\": 1\n");
    PRINTS("cos\nsystem\nVls\n\x85R.", "object os.system\n  from tuple of 1\n    \"ls\"\n");
}

TEST(broken_input)
{
    FAILS("", INVALID_INPUT, "without STOP");
    FAILS("\x80\2", INVALID_INPUT, "without STOP");
    FAILS(".", INVALID_INPUT, "0 objects, not 1");
    FAILS("\x80\x09N.", UNSUPPORTED, "protocol 9");
    FAILS("\xffN.", INVALID_INPUT, "0xff is no opcode");
    FAILS("(.", INVALID_INPUT, "0 objects");
    FAILS("h\0.", INVALID_INPUT, "memo entry 0 was never set");
    FAILS("t.", INVALID_INPUT, "no mark");
    FAILS("K\1(t", INVALID_INPUT, "without STOP");
    FAILS("K\1(a.", INVALID_INPUT, "opcode APPEND");
    FAILS("K\1K\2a.", INVALID_INPUT, "no list");
    FAILS("K\1(K\2u.", INVALID_INPUT, "no dict");
    FAILS("}(K\2u.", INVALID_INPUT, "without a value");
    FAILS("(K\2d.", INVALID_INPUT, "without a value");
    FAILS("K\1K\2R.", INVALID_INPUT, "no tuple");
    FAILS("K\1}b.", INVALID_INPUT, "plain value");
    FAILS("ca\nB\n}b.", UNSUPPORTED, "changes the class a.B itself");
    FAILS("c\nB\n.", INVALID_INPUT, "no name");
    FAILS("ca\001\nB\n.", INVALID_INPUT, "no name");
    FAILS("ca\nB", INVALID_INPUT, "ends early");
    FAILS("X\xff\0\0\0ab", INVALID_INPUT, "ends early");
    FAILS("X\2\0\0\0\xc3(.", INVALID_INPUT, "not UTF-8");
    FAILS("\x8e\xff\xff\xff\xff\xff\xff\xff\xff.", INVALID_INPUT, "ends early");
    FAILS("\x8b\xff\xff\xff\xff.", INVALID_INPUT, "negative size");
    FAILS("T\xff\xff\xff\xff.", INVALID_INPUT, "negative size");
    FAILS("Iabc\n.", INVALID_INPUT, "no integer");
    FAILS("I\n.", INVALID_INPUT, "without digits");
    FAILS("F1x\n.", INVALID_INPUT, "no number");
    FAILS("F\n.", INVALID_INPUT, "no number");
    FAILS("Sabc\n.", INVALID_INPUT, "without quotes");
    FAILS("S'a\\x4'\n.", INVALID_INPUT, "broken escape");
    FAILS("V\\u12\n.", INVALID_INPUT, "broken escape");
    FAILS("gx\n.", INVALID_INPUT, "no memo entry");
    FAILS("g", INVALID_INPUT, "ends early");
    FAILS("\x97.", UNSUPPORTED, "saved elsewhere");
    FAILS("K\1K\2\x93.", INVALID_INPUT, "no text");
}

/* ndarray: _reconstruct + BUILD (1, shape, dtype, False, data) */
#define RECONSTRUCT                                                                                \
    "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85"                               \
    "C\1b\x87R"
#define DTYPE_OF(name) "cnumpy\ndtype\nU\2" name "K\0K\1\x87R"
#define ARRAY_OF(shape, dtype, data) RECONSTRUCT "(K\1" shape dtype "\x89" data "tb."

TEST(arrays)
{
    PRINTS(ARRAY_OF("K\2\x85", DTYPE_OF("i2"), "C\4\1\0\xff\xff"), "array i2 [2] 1 -1\n");
    PRINTS(ARRAY_OF("K\2\x85", DTYPE_OF("i2"), "U\4\1\0\2\0"), "array i2 [2] 1 2\n");
    PRINTS(ARRAY_OF("K\1\x85", DTYPE_OF("O8"), "(lNa"), "array O8 [1]\n  None\n");
    FAILS(ARRAY_OF("K\3\x85", DTYPE_OF("i2"), "C\4\1\0\2\0"), INVALID_INPUT,
          "6 bytes comes with 4 bytes");
    FAILS(ARRAY_OF("K\2\x85", DTYPE_OF("O8"), "(lNa"), INVALID_INPUT, "2 objects comes with 1");
    FAILS(ARRAY_OF("K\2\x85", DTYPE_OF("O8"), "C\1a"), INVALID_INPUT, "2 objects comes with 0");
    FAILS(ARRAY_OF("J\xff\xff\xff\xff\x85", DTYPE_OF("i2"), "C\0"), INVALID_INPUT, "no size");
    FAILS(ARRAY_OF("J\xff\xff\xff\x7f\x8a\7\1\1\1\1\1\1\1\x86", DTYPE_OF("i2"), "C\0"), TOO_LARGE,
          "overflows");
    FAILS(ARRAY_OF("J\xff\xff\xff\x7f\x85", DTYPE_OF("S0"), "C\0"), TOO_LARGE, "overflows");
    FAILS(ARRAY_OF("K\2", DTYPE_OF("i2"), "N"), INVALID_INPUT, "no bytes");
}

/* An element type that is not known stays opaque, and the rest is read. */
TEST(arrays_of_unknown_types_stay_opaque)
{
    struct run run;
    struct tensor tensor;

    run_bytes(&run, LITERAL(ARRAY_OF("K\2\x85", DTYPE_OF("T9"), "C\1a")), NULL);
    CHECK_OK(run.status, run.err);
    CHECK_INT(run.pickle.root->kind, PICKLE_OBJECT);
    CHECK(pickle_is(run.pickle.root, "numpy", "ndarray"));
    CHECK_FAILS(pickle_to_tensor(run.pickle.root, &tensor, &run.keep, &run.err), run.err,
                STATUS_UNSUPPORTED, "numpy.ndarray");
    arena_release(&run.keep);
}

static struct bytes repeat(const char *first, size_t count, const char *second, const char *end,
                           struct arena *arena)
{
    size_t size = strlen(first) * count + strlen(second) * count + strlen(end);
    uint8_t *data = arena_new(arena, uint8_t, size), *at = data;

    for (size_t i = 0; i < count; i++, at += strlen(first))
        memcpy(at, first, strlen(first));
    for (size_t i = 0; i < count; i++, at += strlen(second))
        memcpy(at, second, strlen(second));
    memcpy(at, end, strlen(end));
    return (struct bytes){data, size};
}

static void check_survives(struct bytes bytes)
{
    struct run run;
    struct tensor tensor;
    struct text text = {0};
    size_t count;

    run_bytes(&run, bytes, NULL);
    CHECK_OK(run.status, run.err);
    pickle_print(&text, run.pickle.root, 100000);
    CHECK(text.size < 110000);
    CHECK(pickle_to_tensor(run.pickle.root, &tensor, &run.keep, &run.err) != STATUS_OK);
    (void)pickle_elements(run.pickle.root, &count, &run.keep);
    text_release(&text);
    arena_release(&run.keep);
}

TEST(deep_nesting)
{
    struct arena arena;

    arena_init(&arena, 64 << 20);
    check_survives(repeat("](", 100000, "e", ".", &arena));
    check_survives(repeat("(", 100000, "t", ".", &arena));
    check_survives(repeat("ca\nB\n(", 100000, "tR", ".", &arena));
    arena_release(&arena);
}

/* l = []; ten times: l = [l] * 10 by reference; as a tree it has 10^30 leaves. */
TEST(billion_laughs)
{
    char text[4096] = "]q\001";
    size_t size = 3;

    for (int level = 2; level < 32; level++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "0](");
        for (int i = 0; i < 10; i++)
            size += (size_t)snprintf(text + size, sizeof text - size, "h%c", level - 1);
        size += (size_t)snprintf(text + size, sizeof text - size, "eq%c", level);
    }
    text[size++] = '.';
    check_survives((struct bytes){(const uint8_t *)text, size});
}

TEST(shared_lists_are_bounded_as_tensors)
{
    char text[4096] = "](";
    size_t size = 2;
    struct run run;
    struct tensor tensor;

    for (int i = 0; i < 100; i++)
        text[size++] = 'N';
    size += (size_t)snprintf(text + size, sizeof text - size, "eq\001");
    for (int level = 2; level < 14; level++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "0](");
        for (int i = 0; i < 100; i++)
            size += (size_t)snprintf(text + size, sizeof text - size, "h%c", 1);
        size += (size_t)snprintf(text + size, sizeof text - size, "eq\001");
    }
    text[size++] = '.';
    run_bytes(&run, (struct bytes){(const uint8_t *)text, size}, NULL);
    CHECK_OK(run.status, run.err);
    CHECK_FAILS(pickle_to_tensor(run.pickle.root, &tensor, &run.keep, &run.err), run.err,
                STATUS_TOO_LARGE, "");
    arena_release(&run.keep);
}

TEST(cycles)
{
    PRINTS("]q\1h\1a.", "list of 1\n  <as at byte 0>\n");
    PRINTS("}q\1U\1kh\1s.", "dict of 1\n  \"k\": <as at byte 0>\n");
    PRINTS("ca\nB\n)Rq\1}U\1kh\1sb.", "object a.B\n  state dict of 1\n    \"k\": <as at byte 6>\n");
    check_survives(LITERAL("]q\1h\1a."));
}

TEST(budgets)
{
    struct pickle_limits opcodes = {.opcodes = 100}, memory = {.bytes = 10000};
    struct arena arena;
    struct run run;

    arena_init(&arena, 64 << 20);
    run_bytes(&run, repeat("N", 1000, "0", "N.", &arena), &opcodes);
    CHECK_FAILS(run.status, run.err, STATUS_TOO_LARGE, "100 opcodes");
    arena_release(&run.keep);
    run_bytes(&run, repeat("N", 1000, "0", "N.", &arena), &memory);
    CHECK_FAILS(run.status, run.err, STATUS_TOO_LARGE, "10000 bytes");
    arena_release(&run.keep);
    arena_release(&arena);
}

/* Memo ids that collide in the table cost steps, not time. */
TEST(memo_collisions_are_charged)
{
    struct pickle_limits limits = {.opcodes = 3000000};
    struct arena arena;
    struct run run;
    size_t count = 40000;
    uint8_t *data, *at;

    arena_init(&arena, 64 << 20);
    data = at = arena_new(&arena, uint8_t, count * 5 + 2);
    *at++ = 'N';
    for (size_t i = 0; i < count; i++) {
        uint32_t id = (uint32_t)(i * 65536);
        *at++ = 'r';
        memcpy(at, &id, 4);
        at += 4;
    }
    *at++ = '.';
    run_bytes(&run, (struct bytes){data, (size_t)(at - data)}, &limits);
    CHECK(run.status == STATUS_OK || run.status == STATUS_TOO_LARGE);
    arena_release(&run.keep);
    arena_release(&arena);
}

TEST(no_memory_is_reported)
{
    struct bytes bytes = LITERAL(ARRAY_OF("K\2\x85", DTYPE_OF("i2"), "C\4\1\0\2\0"));
    struct arena keep;
    struct pickle pickle;
    struct error err;
    int failures = 0;

    for (long n = 1; n < 60; n++) {
        enum status status;
        arena_init(&keep, 1 << 20);
        arena_fail_at(n);
        status = pickle_read(bytes, NULL, NULL, NULL, &pickle, &keep, &err);
        arena_fail_at(0);
        failures += status != STATUS_OK;
        CHECK(status == STATUS_OK || status == STATUS_NO_MEMORY || status == STATUS_TOO_LARGE);
        arena_release(&keep);
    }
    CHECK(failures > 10);
}

TEST(bids)
{
    CHECK_INT(pickle_bid(LITERAL("\x80\4K\1.")), 90);
    CHECK_INT(pickle_bid(LITERAL("(dp0\nS'k'\nI1\ns.")), 50);
    CHECK_INT(pickle_bid(LITERAL("(dp0\nS'k'\nI1\ns.\n")), 50);
    CHECK_INT(pickle_bid(LITERAL("]q\1.")), 50);
    CHECK_INT(pickle_bid(LITERAL("\x80\4\xff\xff\xff")), 0);
    CHECK_INT(pickle_bid(LITERAL("")), 0);
    CHECK_INT(pickle_bid(LITERAL("N.This is text")), 0);
    CHECK_INT(pickle_bid(LITERAL("a,b,c\n1,2,3\n")), 0);
    CHECK_INT(pickle_bid(LITERAL("1,2,3\n4,5,6\n")), 0);
    CHECK_INT(pickle_bid(LITERAL("Id,Name\n1,x\n")), 0);
    CHECK_INT(pickle_bid(LITERAL("{\"a\": 1}")), 0);
    CHECK_INT(pickle_bid(LITERAL("[1, 2]")), 0);
    CHECK_INT(pickle_bid(LITERAL("tree\nversion=v3\n")), 0);
    CHECK_INT(pickle_bid(LITERAL("(hello)")), 0);
    CHECK_INT(pickle_bid(LITERAL("PK\3\4")), 0);
    CHECK_INT(pickle_bid(LITERAL("\x89HDF\r\n\x1a\n")), 0);
    CHECK_INT(pickle_bid(LITERAL("\x93NUMPY\1\0")), 0);
}

static void check_executes(struct bytes bytes, const char *want)
{
    const char *names[4] = {0};
    struct run run;
    size_t count;

    run_bytes(&run, bytes, NULL);
    CHECK_OK(run.status, run.err);
    count = pickle_executes(&run.pickle, names, ARRAY_COUNT(names));
    CHECK_INT(count, want ? 1 : 0);
    if (want)
        CHECK_TEXT(names[0], want);
    arena_release(&run.keep);
}

TEST(names_beyond_data)
{
    check_executes(LITERAL("cos\nsystem\n."), "os.system");
    check_executes(LITERAL("cposix\nsystem\n."), "posix.system");
    check_executes(LITERAL("csubprocess\nPopen\n."), "subprocess.Popen");
    check_executes(LITERAL("c__builtin__\neval\n."), "__builtin__.eval");
    check_executes(LITERAL("cbuiltins\nexec\n."), "builtins.exec");
    check_executes(LITERAL("cbuiltins\ngetattr\n."), "builtins.getattr");
    check_executes(LITERAL("cbuiltins\n__import__\n."), "builtins.__import__");
    check_executes(LITERAL("coperator\nattrgetter\n."), "operator.attrgetter");
    check_executes(LITERAL("c__main__\nModel\n."), "__main__.Model");
    check_executes(LITERAL("cdill._dill\n_create_code\n."), "dill._dill._create_code");
    check_executes(LITERAL("cjoblib\nload\n."), "joblib.load");
    check_executes(LITERAL("cnumpy\nload\n."), "numpy.load");
    check_executes(LITERAL("cnumpy.testing._private.utils\nrunstring\n."),
                   "numpy.testing._private.utils.runstring");
    check_executes(LITERAL("cnumpyx\nload\n."), "numpyx.load");
    check_executes(LITERAL("\x82\5."), "copyreg.extension.5");
    check_executes(LITERAL("Vnumpy\nVload.__globals__\n\x93."), "numpy.load.__globals__");
    check_executes(LITERAL("csklearn.svm.classes\nSVC\n."), NULL);
    check_executes(LITERAL("cnumpy.core.multiarray\n_reconstruct\n."), NULL);
    check_executes(LITERAL("c__builtin__\nset\n."), NULL);
    check_executes(LITERAL("c_codecs\nencode\n."), NULL);
    check_executes(LITERAL("ccollections\nOrderedDict\n."), NULL);
}

TEST(aliases)
{
    struct run run;

    run_bytes(&run, LITERAL("csklearn.externals.joblib.numpy_pickle\nNDArrayWrapper\n."), NULL);
    CHECK_TEXT(pickle_module(run.pickle.root), "joblib.numpy_pickle");
    CHECK_TEXT(run.pickle.globals[0], "sklearn.externals.joblib.numpy_pickle.NDArrayWrapper");
    CHECK_INT(run.pickle.global_offsets[0], 0);
    arena_release(&run.keep);
    run_bytes(&run, LITERAL("cnumpy.core._multiarray_umath\nscalar\n."), NULL);
    CHECK_TEXT(pickle_module(run.pickle.root), "numpy._core.multiarray");
    CHECK(pickle_is(run.pickle.root, "numpy", "scalar"));
    CHECK(!pickle_is(run.pickle.root, "num", "scalar"));
    arena_release(&run.keep);
}

TEST(getters_accept_null)
{
    struct arena keep;
    struct tensor tensor;
    struct error err;
    size_t count;
    double f64;
    int64_t i64;
    bool boolean;
    struct bytes text;
    enum dtype dtype;

    arena_init(&keep, 1000);
    CHECK_TEXT(pickle_module(NULL), "");
    CHECK_TEXT(pickle_name(NULL), "");
    CHECK(!pickle_is(NULL, "a", "b") && !pickle_get(NULL, "a") && !pickle_item(NULL, 0));
    CHECK(pickle_length(NULL) == 0 && pickle_is_none(NULL));
    CHECK(!pickle_to_f64(NULL, &f64) && !pickle_to_i64(NULL, &i64));
    CHECK(!pickle_to_bool(NULL, &boolean) && !pickle_to_text(NULL, &text, &keep));
    CHECK(!pickle_text_is(NULL, "") && !pickle_to_dtype(NULL, &dtype));
    CHECK(!pickle_elements(NULL, &count, &keep) && !pickle_columns(NULL, &tensor, &keep));
    CHECK(!pickle_axis(NULL, 0) &&
          !pickle_column(NULL, 0, &(struct pickle_block){0}, &count, &keep));
    CHECK_FAILS(pickle_to_tensor(NULL, &tensor, &keep, &err), err, STATUS_INVALID_INPUT, "missing");
    arena_release(&keep);
}

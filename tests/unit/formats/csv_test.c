// SPDX-License-Identifier: Apache-2.0
#include "formats/csv.h"

#include "base/text.h"

#include "test.h"

#define BYTES(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

static const struct {
    struct bytes input;
    const char *want; /* names, then rows: "a|b / 1|2", 'x' when quoted; or the error */
    bool refused;
} CASES[] = {
    {BYTES("a,b\n1,2\n3,4\n"), "a|b / 1|2 / 3|4", false},
    {BYTES("a,b\r\n1,2\r\n3,4"), "a|b / 1|2 / 3|4", false},
    {BYTES("\xef\xbb\xbf"
           "a;b\n1,5;2\n"),
     "a|b / 1,5|2", false},
    {BYTES("a\tb\n1\t\n"), "a|b / 1|", false},
    {BYTES("a\n1\n\n2\n\n"), "a / 1 / 2", false},
    {BYTES("\n\na\n1"), "a / 1", false},
    {BYTES("a,b"), "a|b", false},
    {BYTES("\"a,x\";b\n\"1;\n2\";\"\"\n"), "a,x|b / '1;\n2'|''", false},
    {BYTES("a,b\n\"say \"\"hi\"\"\",\"\"\"\"\n"), "a|b / 'say \"hi\"'|'\"'", false},
    {BYTES(",a\n0,1\n"), "|a / 0|1", false},
    {BYTES("a\n\"x\""), "a / 'x'", false},
    {BYTES("a\rb,c\n1,2\n"), "a\rb|c / 1|2", false},
    {BYTES("a,b\n,\n"), "a|b / |", false},
    {BYTES("name\ngr\xc3\xb6\xc3\x9f"
           "e\n"),
     "name / gr\xc3\xb6\xc3\x9f"
     "e",
     false},

    {BYTES(""), "CSV: there is no header", true},
    {BYTES("\n\r\n"), "CSV: there is no header", true},
    {BYTES("a,b\n1\n"), "CSV: line 2 has 1 cells, but the header has 2", true},
    {BYTES("a,b\n\n1,2,3,4\n"), "CSV: line 3 has 4 cells, but the header has 2", true},
    {BYTES("a,b\n\"1\n\n\",2\n3\n"), "CSV: line 5 has 1 cells, but the header has 2", true},
    {BYTES("a,b\n1,\"2\n"), "CSV: line 2, column 2: a quote is not closed", true},
    {BYTES("a,b\n1,\"2\"x\n"), "CSV: line 2, column 2: text behind a closing quote", true},
    {BYTES("a,b\n1,2\"\n"),
     "CSV: line 2, column 2: a quote within a cell that does not start with one", true},
    {BYTES("a,b,a\n1,2,3\n"), "CSV: two columns are called \"a\"", true},
    {BYTES("a,b\n1,2\n\xff,3\n"), "CSV: line 3 is not UTF-8", true},
};

static void print_row(struct text *text, const struct bytes *cells, const bool *quoted,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        text_append(text, i ? "|" : "");
        text_append(text, quoted && quoted[i] ? "'" : "");
        text_append_bytes(text, cells[i]);
        text_append(text, quoted && quoted[i] ? "'" : "");
    }
}

TEST(csv_cases)
{
    for (size_t i = 0; i < ARRAY_COUNT(CASES); i++) {
        size_t size = CASES[i].input.size;
        uint8_t *copy = malloc(size ? size : 1);
        struct text text = {0};
        struct error err = {0};
        struct arena arena;
        struct csv csv;
        enum status status;
        memcpy(copy, CASES[i].input.data, size);
        arena_init(&arena, 1 << 20);
        status = csv_parse((struct bytes){copy, size}, &csv, &arena, &err);
        if (CASES[i].refused) {
            CHECK_INT(status, STATUS_INVALID_INPUT);
            CHECK_TEXT(err.text, CASES[i].want);
        } else {
            CHECK_OK(status, err);
            print_row(&text, csv.names, NULL, csv.columns);
            for (size_t row = 0; row < csv.rows; row++) {
                text_append(&text, " / ");
                print_row(&text, csv.cells + row * csv.columns, csv.quoted + row * csv.columns,
                          csv.columns);
            }
            CHECK_TEXT(text.data, CASES[i].want);
        }
        text_release(&text);
        arena_release(&arena);
        free(copy);
    }
}

/* Many columns and many newlines must not multiply. */
TEST(csv_room_is_bounded)
{
    struct text text = {0};
    struct error err = {0};
    struct arena arena;
    struct csv csv;

    for (int i = 0; i < 10000; i++)
        text_printf(&text, i ? ",%d" : "%d", i);
    for (int i = 0; i < 100000; i++)
        text_append(&text, "\n");
    arena_init(&arena, 8 << 20);
    CHECK_OK(csv_parse(text_bytes(&text), &csv, &arena, &err), err);
    CHECK_INT(csv.columns, 10000);
    CHECK_INT(csv.rows, 0);
    arena_release(&arena);
    arena_init(&arena, 1 << 10);
    CHECK_FAILS(csv_parse(text_bytes(&text), &csv, &arena, &err), err, STATUS_NO_MEMORY,
                "no memory for CSV cells");
    arena_release(&arena);
    text_release(&text);
}

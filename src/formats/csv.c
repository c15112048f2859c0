// SPDX-License-Identifier: Apache-2.0
#include "formats/csv.h"

#include <stdlib.h>

#include "base/text.h"

struct parser {
    const uint8_t *at, *end;
    struct arena *keep;
    uint8_t separator;
    size_t line, column; /* of the cell, from 1, for errors */
};

static enum status refuse(const struct parser *parser, const char *what, struct error *err)
{
    return error_set(err, STATUS_INVALID_INPUT, "CSV: line %zu, column %zu: %s", parser->line,
                     parser->column, what);
}

static bool is_newline(const struct parser *parser)
{
    return *parser->at == '\n' ||
           (*parser->at == '\r' && parser->end - parser->at > 1 && parser->at[1] == '\n');
}

static void skip_newline(struct parser *parser)
{
    parser->at += *parser->at == '\r' ? 2 : 1;
    parser->line++;
}

static void skip_blank_lines(struct parser *parser)
{
    while (parser->at < parser->end && is_newline(parser))
        skip_newline(parser);
}

/* What is between quotes, with each doubled one halved. */
static enum status halve_quotes(struct parser *parser, struct bytes *cell, struct error *err)
{
    uint8_t *to = arena_alloc(parser->keep, cell->size, 1);
    size_t used = 0;

    if (!to)
        return error_no_memory(err, "a CSV cell");
    for (size_t i = 0; i < cell->size; i++) {
        to[used++] = cell->data[i];
        i += cell->data[i] == '"';
    }
    *cell = (struct bytes){to, used};
    return STATUS_OK;
}

static enum status read_quoted(struct parser *parser, struct bytes *cell, struct error *err)
{
    const uint8_t *start = ++parser->at, *at = start;
    size_t lines = 0;
    bool doubled = false;

    for (;; at++) {
        if (at == parser->end)
            return refuse(parser, "a quote is not closed", err);
        lines += *at == '\n';
        if (*at != '"')
            continue;
        if (parser->end - at < 2 || at[1] != '"')
            break;
        doubled = true;
        at++;
    }
    *cell = (struct bytes){start, (size_t)(at - start)};
    parser->at = at + 1;
    if (parser->at < parser->end && *parser->at != parser->separator && !is_newline(parser))
        return refuse(parser, "text behind a closing quote", err);
    parser->line += lines;
    return doubled ? halve_quotes(parser, cell, err) : STATUS_OK;
}

static enum status read_cell(struct parser *parser, struct bytes *cell, bool *quoted,
                             struct error *err)
{
    const uint8_t *start = parser->at;

    *quoted = parser->at < parser->end && *parser->at == '"';
    if (*quoted)
        return read_quoted(parser, cell, err);
    while (parser->at < parser->end && *parser->at != parser->separator && !is_newline(parser)) {
        if (*parser->at == '"')
            return refuse(parser, "a quote within a cell that does not start with one", err);
        parser->at++;
    }
    *cell = (struct bytes){start, (size_t)(parser->at - start)};
    return STATUS_OK;
}

/* Behind a cell: to the next one of the row. False at the end of the row, which is consumed. */
static bool next_cell(struct parser *parser)
{
    if (parser->at == parser->end)
        return false;
    if (*parser->at == parser->separator) {
        parser->at++;
        parser->column++;
        return true;
    }
    skip_newline(parser);
    return false;
}

/* The first of the separators outside quotes in the header; ',' when it has none. */
static uint8_t find_separator(const uint8_t *at, const uint8_t *end)
{
    bool quoted = false;

    for (; at < end && (quoted || *at != '\n'); at++) {
        if (*at == '"')
            quoted = !quoted;
        if (!quoted && (*at == ',' || *at == ';' || *at == '\t'))
            return *at;
    }
    return ',';
}

static int compare_names(const void *a, const void *b)
{
    const struct bytes *left = a, *right = b;

    if (left->size != right->size)
        return left->size < right->size ? -1 : 1;
    return left->size ? memcmp(left->data, right->data, left->size) : 0;
}

static enum status check_names(const struct csv *csv, struct error *err)
{
    struct bytes *sorted = malloc(csv->columns * sizeof *sorted);
    char quoted[TEXT_QUOTE_SIZE];
    enum status status = STATUS_OK;

    if (!sorted)
        return error_no_memory(err, "CSV names");
    memcpy(sorted, csv->names, csv->columns * sizeof *sorted);
    qsort(sorted, csv->columns, sizeof *sorted, compare_names);
    for (size_t i = 1; i < csv->columns && status == STATUS_OK; i++)
        if (bytes_equal(sorted[i - 1], sorted[i]))
            status = error_set(err, STATUS_INVALID_INPUT, "CSV: two columns are called \"%s\"",
                               text_quote(sorted[i], quoted, sizeof quoted));
    free(sorted);
    return status;
}

/* The names, as many as the header has; csv->cells serves as room for them until they are known. */
static enum status read_header(struct parser *parser, struct csv *csv, struct error *err)
{
    bool quoted;

    do
        TRY(read_cell(parser, &csv->cells[csv->columns++], &quoted, err));
    while (next_cell(parser));
    csv->names = arena_new(parser->keep, struct bytes, csv->columns);
    if (!csv->names)
        return error_no_memory(err, "CSV names");
    memcpy(csv->names, csv->cells, csv->columns * sizeof *csv->names);
    return check_names(csv, err);
}

static enum status read_row(struct parser *parser, struct csv *csv, struct error *err)
{
    size_t first = csv->rows * csv->columns, line = parser->line, cells = 0;
    struct bytes cell;
    bool quoted;

    parser->column = 1;
    do {
        TRY(read_cell(parser, &cell, &quoted, err));
        if (cells < csv->columns) {
            csv->cells[first + cells] = cell;
            csv->quoted[first + cells] = quoted;
        }
        cells++;
    } while (next_cell(parser));
    if (cells != csv->columns)
        return error_set(err, STATUS_INVALID_INPUT,
                         "CSV: line %zu has %zu cells, but the header has %zu", line, cells,
                         csv->columns);
    csv->rows++;
    return STATUS_OK;
}

static enum status check_utf8(struct bytes text, struct error *err)
{
    size_t line = 1;

    if (text_is_utf8(text))
        return STATUS_OK;
    for (size_t start = 0, i = 0; i <= text.size; i++) {
        if (i < text.size && text.data[i] != '\n')
            continue;
        if (!text_is_utf8((struct bytes){text.data + start, i - start}))
            break;
        start = i + 1;
        line++;
    }
    return error_set(err, STATUS_INVALID_INPUT, "CSV: line %zu is not UTF-8", line);
}

/* No file has more cells than this: each but the last ends with a separator or a newline. */
static size_t count_cells_max(const struct parser *parser)
{
    size_t count = 1;

    for (const uint8_t *at = parser->at; at < parser->end; at++)
        count += *at == parser->separator || *at == '\n';
    return count;
}

enum status csv_parse(struct bytes text, struct csv *csv, struct arena *keep, struct error *err)
{
    static const uint8_t MARK[] = {0xEF, 0xBB, 0xBF};
    struct parser parser = {.keep = keep, .line = 1, .column = 1};
    size_t room;

    *csv = (struct csv){.separator = ','};
    TRY(check_utf8(text, err));
    if (text.size) {
        parser.end = text.data + text.size;
        parser.at = text.data;
        parser.at += bytes_starts(text, (struct bytes){MARK, sizeof MARK}) ? sizeof MARK : 0;
        skip_blank_lines(&parser);
    }
    if (parser.at == parser.end)
        return error_set(err, STATUS_INVALID_INPUT, "CSV: there is no header");
    parser.separator = find_separator(parser.at, parser.end);
    csv->separator = (char)parser.separator;
    room = count_cells_max(&parser);
    csv->cells = arena_new(keep, struct bytes, room);
    csv->quoted = arena_new(keep, bool, room);
    if (!csv->cells || !csv->quoted)
        return error_no_memory(err, "CSV cells");
    TRY(read_header(&parser, csv, err));
    for (skip_blank_lines(&parser); parser.at < parser.end; skip_blank_lines(&parser))
        TRY(read_row(&parser, csv, err));
    return STATUS_OK;
}

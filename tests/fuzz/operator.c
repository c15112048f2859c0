// SPDX-License-Identifier: Apache-2.0
/* One operator at a time, from a text case (tests/op_case.h): whatever its attributes, shapes and
 * values are, nothing may be read or written beyond the exact bytes of a tensor, what is inferred
 * with less must agree with what is inferred with more, and running in place must be allowed. The
 * corpus is the operators' own cases; expected values are not compared.
 *
 * Bytes changed at random rarely make another case, so lines are changed as lines: other numbers,
 * other tensors, lines left out or twice, another opset. */
#include "op_case.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The values of a case that was changed are not expected. */
static void forget_values(struct op_case *c)
{
    for (size_t i = 0; i < c->out_count; i++)
        c->out[i] = (struct tensor){.dtype = DTYPE_NONE};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct op_case c;
    struct bytes text = {data, size};
    struct error err;
    size_t at = 0;
    bool found = true, refused;

    for (int n = 0; found && n < 4; n++) {
        struct arena keep;

        arena_init(&keep, 64 << 20);
        if (case_read(text, &at, &c, &found, &keep, &err))
            found = false;
        forget_values(&c);
        if (found && c.op && case_run(&c, &refused, &err) == STATUS_INTERNAL && !refused) {
            fprintf(stderr, "%s: %s\n", c.op_name, err.text);
            __builtin_trap();
        }
        arena_release(&keep);
    }
    return 0;
}

/* --- changing lines --- */

static unsigned below(unsigned *seed, unsigned n)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % n;
}

static const char *number(unsigned *seed, char buffer[32])
{
    static const char *const ODD[] = {"9223372036854775807",
                                      "-9223372036854775808",
                                      "2147483647",
                                      "-2147483648",
                                      "1073741824",
                                      "65536",
                                      "nan",
                                      "inf",
                                      "-inf",
                                      "1e30",
                                      "0.5",
                                      "-0.5",
                                      "1e-9",
                                      "4294967296"};

    if (below(seed, 5) == 0)
        return ODD[below(seed, ARRAY_COUNT(ODD))];
    snprintf(buffer, 32, "%d", (int)below(seed, 9) - 3);
    return buffer;
}

static void random_tensor(unsigned *seed, char *line, size_t size)
{
    static const char *const DTYPES[] = {
        "float", "float", "float", "double", "int64",  "int64",    "int32", "uint8",
        "int8",  "bool",  "half",  "string", "uint64", "bfloat16", "int4",  "float8e5m2"};
    const char *dtype = DTYPES[below(seed, ARRAY_COUNT(DTYPES))];
    unsigned rank = below(seed, 6), count = 1;
    size_t used = (size_t)snprintf(line, size, "in %s [", dtype);

    for (unsigned i = 0; i < rank; i++) {
        unsigned dim = below(seed, 12) ? 1 + below(seed, 3) : below(seed, 6);
        used += (size_t)snprintf(line + used, size - used, i ? ",%u" : "%u", dim);
        count *= dim;
    }
    used += (size_t)snprintf(line + used, size - used, "]");
    for (unsigned i = 0; i < count && used + 40 < size; i++) {
        char buffer[32];
        bool is_text = !strcmp(dtype, "string");
        used +=
            (size_t)snprintf(line + used, size - used, is_text ? " \"%s\"" : " %s",
                             is_text || strncmp(dtype, "float", 5) == 0
                                 ? number(seed, buffer)
                                 : (snprintf(buffer, 32, "%d", (int)below(seed, 6) - 2), buffer));
    }
}

/* Another number for one of the words of the line, from `first` on. */
static void change_number(unsigned *seed, const char *line, int first, char *to, size_t size)
{
    size_t words = 0, used = 0, target;
    char buffer[32];

    for (const char *p = line; *p; p++)
        words += *p == ' ';
    if (words < (size_t)first) {
        snprintf(to, size, "%s", line);
        return;
    }
    target = (size_t)first + below(seed, (unsigned)(words - (size_t)first + 1));
    words = 0;
    for (const char *p = line; *p && used + 40 < size; p++) {
        if (words == target) {
            used += (size_t)snprintf(to + used, size - used, "%s", number(seed, buffer));
            while (p[1] && p[1] != ' ')
                p++;
            words = SIZE_MAX / 2;
            continue;
        }
        words += *p == ' ';
        to[used++] = *p;
    }
    to[used] = 0;
}

static void change_line(unsigned *seed, const char *line, char *to, size_t size)
{
    snprintf(to, size, "%s", line);
    if (!strncmp(line, "in ", 3))
        switch (below(seed, 4)) {
        case 0:
            random_tensor(seed, to, size);
            break;
        case 1:
            snprintf(to, size, "in none");
            break;
        default:
            change_number(seed, line, 3, to, size);
        }
    else if (!strncmp(line, "attribute ", 10) && !strstr(line, " string"))
        change_number(seed, line, strstr(line, " tensor ") ? 5 : 3, to, size);
    else if (!strncmp(line, "op ", 3))
        change_number(seed, line, 2, to, size);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static char text[1 << 16], to[1 << 16], line[1 << 14], changed[1 << 14];
    unsigned lines = 1, target, action = below(&seed, 8), n = 0;
    size_t used = 0;

    if (below(&seed, 16) == 0 || size >= sizeof text)
        return LLVMFuzzerMutate(data, size, max_size);
    memcpy(text, data, size);
    text[size] = 0;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    target = below(&seed, lines);
    for (const char *p = text; *p; n++) {
        size_t length = strcspn(p, "\n");

        snprintf(line, sizeof line, "%.*s", (int)length, p);
        p += length + (p[length] == '\n');
        if (n == target && action == 0)
            continue;
        change_line(&seed, line, changed, sizeof changed);
        used += (size_t)snprintf(to + used, sizeof to - used, "%s\n", n == target ? changed : line);
        if (n == target && action == 1 && used < sizeof to)
            used += (size_t)snprintf(to + used, sizeof to - used, "%s\n", line);
        if (used >= sizeof to)
            return LLVMFuzzerMutate(data, size, max_size);
    }
    used = used < max_size ? used : max_size;
    memcpy(data, to, used);
    return used;
}

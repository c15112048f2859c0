// SPDX-License-Identifier: Apache-2.0
/* One operator at a time, from a text case (tests/op_case.h): whatever its attributes, shapes and
 * values are, nothing may be read or written beyond the exact bytes of a tensor, what is inferred
 * with less must agree with what is inferred with more, and running in place must be allowed. The
 * corpus is the operators' own cases; expected values are not compared. */
#include "op_case.h"

/* The values of a case that was changed are not expected. */
static void forget_values(struct op_case *c)
{
    for (size_t i = 0; i < c->out_count; i++)
        c->out[i] = (struct tensor){.dtype = DTYPE_NONE};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
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
        if (found && c.op && case_run(&c, &refused, &err) == STATUS_INTERNAL && !refused)
            __builtin_trap();
        arena_release(&keep);
    }
    return 0;
}

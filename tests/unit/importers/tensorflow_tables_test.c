// SPDX-License-Identifier: Apache-2.0
/* The tables about TensorFlow's operators: found by name, so in order and each once. */
#include "gen/tf_ops.h"
#include "importers/tensorflow/internal.h"
#include "test.h"

struct row {
    const char *op, *name;
};

static const struct row OUTPUTS[] = {
#define OUTPUTS(op, names) {op, ""},
#include "importers/tensorflow/model/op_outputs.def"
#undef OUTPUTS
};
static const struct row DEFAULTS[] = {
#define DEFAULT(op, name, size, value) {op, name},
#include "importers/tensorflow/model/op_defaults.def"
#undef DEFAULT
};

static void check_order(const struct row *rows, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        int order = strcmp(rows[i - 1].op, rows[i].op);

        if (order > 0 || (!order && strcmp(rows[i - 1].name, rows[i].name) >= 0))
            fail_msg("%s %s is not behind %s %s", rows[i].op, rows[i].name, rows[i - 1].op,
                     rows[i - 1].name);
    }
}

TEST(tensorflow_tables_are_in_order)
{
    check_order(OUTPUTS, ARRAY_COUNT(OUTPUTS));
    check_order(DEFAULTS, ARRAY_COUNT(DEFAULTS));
}

/* A row names an ONNX operator or a function, and no operator has two. */
TEST(tensorflow_operators_have_one_row_each)
{
    for (size_t s = 0; TF_OPS[s]; s++)
        for (size_t i = 0; i < TF_OPS[s]->count; i++) {
            const struct tf_op *row = &TF_OPS[s]->ops[i];

            if (!row->onnx == !row->lower)
                fail_msg("%s", row->name);
            for (size_t t = s; TF_OPS[t]; t++)
                for (size_t k = t == s ? i + 1 : 0; k < TF_OPS[t]->count; k++)
                    if (!strcmp(row->name, TF_OPS[t]->ops[k].name))
                        fail_msg("%s has two rows", row->name);
        }
}

// SPDX-License-Identifier: Apache-2.0
/* What nodes do besides computing: read state, write it, fail. A control edge is followed while
 * serving when something behind it does. Source: what TensorFlow's operators declare
 * (is_stateful, references), and core/common_runtime/function.cc (PruneFunctionGraph). */
#include "base/text.h"
#include "importers/tensorflow/internal.h"

enum { KNOWN = 1, WALKING = 2 };

/* --- of an operator alone --- */

static const struct {
    const char *name; /* ends in '*': a prefix */
    unsigned effects;
} EFFECTS[] = {
    /* the first that fits */
    {"ScatterNd", 0},
    {"ScatterNdNonAliasingAdd", 0},
    {"Assert", TF_FAILS},
    {"AssertCardinalityDataset", 0},
    {"AssertNextDataset", 0},
    {"Assign*", TF_WRITES},
    {"Scatter*", TF_WRITES},
    {"ResourceScatter*", TF_WRITES},
    {"StridedSliceAssign", TF_WRITES},
    {"ResourceStridedSliceAssign", TF_WRITES},
    {"CountUpTo", TF_WRITES},
    {"ResourceCountUpTo", TF_WRITES},
    {"Apply*", TF_WRITES},
    {"ResourceApply*", TF_WRITES},
    {"SparseApply*", TF_WRITES},
    {"ResourceSparseApply*", TF_WRITES},
    {"ResourceAccumulator*", TF_WRITES},
    {"DestroyResourceOp", TF_WRITES},
    {"DestroyTemporaryVariable", TF_WRITES},
    {"InitializeTable*", TF_WRITES},
    {"LookupTableInsert*", TF_WRITES},
    {"LookupTableRemove*", TF_WRITES},
    {"LookupTableImport*", TF_WRITES},
    {"BoostedTreesCreate*", TF_WRITES},
    {"BoostedTreesDeserialize*", TF_WRITES},
    {"BoostedTreesUpdate*", TF_WRITES},
    {"BoostedTreesQuantileStreamResourceDeserialize", TF_WRITES},
    {"LookupTable*", TF_READS},
    {"ReadVariableOp", TF_READS},
    {"ResourceGather*", TF_READS},
    {"VariableShape", TF_READS},
    {"VarIsInitializedOp", TF_READS},
    {"RngReadAndSkip", TF_WRITES},
    {"RngSkip", TF_WRITES},
    {"StatefulUniform*", TF_WRITES},
    {"StatefulStandardNormal*", TF_WRITES},
    {"StatefulTruncatedNormal", TF_WRITES},
    {"StatefulRandomBinomial", TF_WRITES},
    {"StackPush*", TF_WRITES},
    {"StackPop*", TF_WRITES},
    {"QueueEnqueue*", TF_WRITES},
    {"QueueDequeue*", TF_WRITES},
    {"Barrier*", TF_WRITES},
    {"IteratorGetNext*", TF_WRITES},
    {"ReaderRead*", TF_WRITES},
    {"Stage", TF_WRITES},
    {"Unstage", TF_WRITES},
    {"MapStage", TF_WRITES},
    {"MapUnstage*", TF_WRITES},
    {"OrderedMapStage", TF_WRITES},
    {"OrderedMapUnstage*", TF_WRITES},
    {"PyFunc", TF_WRITES},
    {"PyFuncStateless", TF_WRITES},
    {"EagerPyFunc", TF_WRITES},
};

static unsigned effects_of_name(const char *op)
{
    for (size_t i = 0; i < ARRAY_COUNT(EFFECTS); i++) {
        size_t size = strlen(EFFECTS[i].name);

        if (EFFECTS[i].name[size - 1] == '*' ? !strncmp(op, EFFECTS[i].name, size - 1)
                                             : !strcmp(op, EFFECTS[i].name))
            return EFFECTS[i].effects;
    }
    return 0;
}

bool tf_writes(const char *op)
{
    return effects_of_name(op) & TF_WRITES;
}

bool tf_is_variable(const char *op)
{
    return !strcmp(op, "VariableV2") || !strcmp(op, "Variable") || !strcmp(op, "VarHandleOp");
}

bool tf_is_placeholder(const char *op)
{
    return !strcmp(op, "Placeholder") || !strcmp(op, "PlaceholderV2");
}

bool tf_gives_reference(const char *op)
{
    static const char *const NAMES[] = {"Variable",    "VariableV2",        "TemporaryVariable",
                                        "Assign",      "AssignAdd",         "AssignSub",
                                        "RefIdentity", "RefEnter",          "RefExit",
                                        "RefMerge",    "RefNextIteration",  "RefSelect",
                                        "RefSwitch",   "StridedSliceAssign"};

    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++)
        if (!strcmp(op, NAMES[i]))
            return true;
    return !strncmp(op, "Scatter", 7) && effects_of_name(op) & TF_WRITES;
}

bool tf_takes_reference(const char *op)
{
    return !strncmp(op, "Ref", 3) || !strcmp(op, "IsVariableInitialized") ||
           !strcmp(op, "DestroyTemporaryVariable") || !strcmp(op, "CountUpTo") ||
           ((!strncmp(op, "Apply", 5) || !strncmp(op, "SparseApply", 11) ||
             tf_gives_reference(op)) &&
            effects_of_name(op) & TF_WRITES);
}

bool tf_may_share(const char *op)
{
    static const char *const NAMES[] = {"Identity",
                                        "IdentityN",
                                        "StopGradient",
                                        "PreventGradient",
                                        "Reshape",
                                        "Squeeze",
                                        "ExpandDims",
                                        "Bitcast",
                                        "Snapshot",
                                        "Switch",
                                        "Merge",
                                        "Enter",
                                        "Exit",
                                        "Print",
                                        "CheckNumerics",
                                        "EnsureShape",
                                        "PlaceholderWithDefault",
                                        "Slice",
                                        "StridedSlice",
                                        "Unpack",
                                        "Split",
                                        "If",
                                        "StatelessIf",
                                        "While",
                                        "StatelessWhile",
                                        "PartitionedCall",
                                        "StatefulPartitionedCall"};

    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++)
        if (!strcmp(op, NAMES[i]))
            return true;
    return false;
}

/* --- of functions --- */

struct callees {
    struct tf_lowering *l;
    unsigned effects;
    size_t depth;
};

static enum status function_effects(struct tf_lowering *l, const struct tf_function *function,
                                    size_t depth, unsigned *effects, struct error *err) must_check;

static enum status callee_visit(struct bytes name, void *context, struct error *err)
{
    struct callees *callees = context;
    const struct tf_function *function;
    unsigned effects;

    if (tf_function_get(callees->l, name, &function, err))
        return err->status == STATUS_UNSUPPORTED ? STATUS_OK : err->status;
    TRY(function_effects(callees->l, function, callees->depth + 1, &effects, err));
    callees->effects |= effects;
    return STATUS_OK;
}

static enum status effects_of_node(struct tf_lowering *l, const struct tf_graph *graph,
                                   const struct tf_node *node, size_t depth, unsigned *effects,
                                   struct error *err)
{
    struct callees callees = {.l = l, .effects = effects_of_name(node->op), .depth = depth};

    for (size_t i = 0; i < node->input_count && !tf_takes_reference(node->op); i++) {
        const struct tf_node *from = map_find(&graph->by_name, node->inputs[i].node);

        if (from && tf_gives_reference(from->op))
            callees.effects |= TF_READS;
    }
    TRY(tf_functions_visit(node, callee_visit, &callees, err));
    if (tf_is_function(l, bytes_of(node->op)))
        TRY(callee_visit(bytes_of(node->op), &callees, err));
    *effects = callees.effects;
    return STATUS_OK;
}

/* --- of a node and all that it needs --- */

/* Who needs a node: readers[starts[n]] to readers[starts[n + 1]]. */
struct readers {
    uint32_t *starts, *readers;
};

static enum status readers_make(const struct tf_graph *graph, struct readers *readers,
                                struct arena *keep, struct error *err)
{
    size_t total = 0;

    for (size_t n = 0; n < graph->count; n++)
        total += graph->nodes[n].input_count + graph->nodes[n].control_count;
    if (total > UINT32_MAX - 1)
        return error_set(err, STATUS_TOO_LARGE, "the graph has %zu edges", total);
    readers->starts = arena_new(keep, uint32_t, graph->count + 2);
    readers->readers = arena_new(keep, uint32_t, total);
    if (!readers->starts || !readers->readers)
        return error_no_memory(err, "the graph");
    for (int pass = 0; pass < 2; pass++) { /* count, then fill */
        for (size_t n = 0; n < graph->count; n++) {
            const struct tf_node *node = &graph->nodes[n];

            for (size_t i = 0; i < node->input_count + node->control_count; i++) {
                const struct tf_node *from = map_find(&graph->by_name, node->inputs[i].node);

                if (from && !pass)
                    readers->starts[from - graph->nodes + 2]++;
                else if (from)
                    readers->readers[readers->starts[from - graph->nodes + 1]++] = (uint32_t)n;
            }
        }
        for (size_t n = 0; n <= graph->count && !pass; n++)
            readers->starts[n + 1] += readers->starts[n];
    }
    return STATUS_OK;
}

/* Each node is visited again only when it gained an effect: at most once for each. */
static enum status effects_spread(const struct tf_graph *graph, struct arena *keep,
                                  struct error *err)
{
    struct tf_effects *effects = graph->effects;
    struct readers readers = {0};
    uint32_t *stack = arena_new(keep, uint32_t, graph->count + 1);
    bool *waiting = arena_new(keep, bool, graph->count + 1);
    size_t depth = 0;

    if (!stack || !waiting)
        return error_no_memory(err, "the graph");
    TRY(readers_make(graph, &readers, keep, err));
    for (size_t n = 0; n < graph->count; n++)
        if (effects->of[n]) {
            stack[depth++] = (uint32_t)n;
            waiting[n] = true;
        }
    while (depth) {
        uint32_t n = stack[--depth];

        waiting[n] = false;
        for (uint32_t r = readers.starts[n]; r < readers.starts[n + 1]; r++) {
            uint32_t reader = readers.readers[r];

            if (!(effects->of[n] & ~effects->of[reader]))
                continue;
            effects->of[reader] |= effects->of[n];
            if (!waiting[reader])
                stack[depth++] = reader;
            waiting[reader] = true;
        }
    }
    return STATUS_OK;
}

static enum status effects_find(struct tf_lowering *l, const struct tf_graph *graph, size_t depth,
                                struct error *err)
{
    struct tf_effects *effects = graph->effects;

    if (effects->state) /* WALKING: it calls itself, which lowering refuses */
        return STATUS_OK;
    if (depth > TF_DEPTH_MAX)
        return error_set(err, STATUS_TOO_LARGE, "functions in functions, more than %d deep",
                         TF_DEPTH_MAX);
    effects->state = WALKING;
    effects->of = arena_new(l->keep, uint8_t, graph->count);
    if (!effects->of)
        return error_no_memory(err, "the graph");
    for (size_t n = 0; n < graph->count; n++) {
        unsigned own;

        TRY(effects_of_node(l, graph, &graph->nodes[n], depth, &own, err));
        effects->of[n] = (uint8_t)own;
        effects->all |= own;
    }
    if (effects->all)
        TRY(effects_spread(graph, l->keep, err));
    effects->state = KNOWN;
    return STATUS_OK;
}

/* All of the body: what it does it does whether or not a result needs it. */
static enum status function_effects(struct tf_lowering *l, const struct tf_function *function,
                                    size_t depth, unsigned *effects, struct error *err)
{
    TRY(effects_find(l, &function->body, depth, err));
    *effects = function->body.effects->all;
    return STATUS_OK;
}

enum status tf_effects(struct tf_lowering *l, const struct tf_graph *graph,
                       const struct tf_node *node, unsigned *effects, struct error *err)
{
    TRY(effects_find(l, graph, 0, err));
    *effects = graph->effects->of ? graph->effects->of[node - graph->nodes] : 0;
    return STATUS_OK;
}

enum status tf_control_matters(const struct tf_scope *scope, const struct tf_node *node,
                               bool *matters, struct error *err)
{
    unsigned effects;

    *matters = true;
    if (scope->l->phase != TF_SERVING)
        return STATUS_OK;
    TRY(tf_effects(scope->l, scope->stored, node, &effects, err));
    *matters = effects & (TF_WRITES | TF_FAILS) || (effects & TF_READS && scope->l->writes);
    return STATUS_OK;
}

/* --- guards --- */

enum status tf_guard_add(struct tf_lowering *l, const struct graph *graph, value_id value,
                         struct error *err)
{
    if (!ARENA_GROW(l->keep, l->guards, l->guard_count, l->guard_capacity))
        return error_no_memory(err, "the assertions");
    l->guards[l->guard_count++] = (struct tf_guard){graph, value};
    return STATUS_OK;
}

enum status tf_guards_settle(struct tf_lowering *l, struct emitter *e, value_id *outputs,
                             size_t count, struct error *err)
{
    value_id *in = arena_new(l->keep, value_id, l->guard_count + 1);
    size_t left = 0, in_count = 1;

    if (!in)
        return error_no_memory(err, "the assertions");
    for (size_t i = 0; i < l->guard_count; i++)
        if (l->guards[i].graph == e->graph)
            in[in_count++] = l->guards[i].value;
        else
            l->guards[left++] = l->guards[i];
    l->guard_count = left;
    if (in_count == 1)
        return STATUS_OK;
    if (!count)
        return error_set(err, STATUS_UNSUPPORTED, "asserts something and has no outputs");
    l->settled = true;
    in[0] = outputs[0];
    return emit(e, "firn", "After", in, in_count, NULL, 0, outputs, 1, err);
}

/* --- a function that is put inline: what it does beyond its results --- */

enum status tf_effects_lower(struct tf_scope *scope, struct error *err)
{
    const struct tf_function *function = scope->function;
    const struct tf_graph *body = &function->body;

    for (size_t i = 0; i < function->control_count; i++) {
        const struct tf_node *node = map_find(&body->by_name, function->controls[i].node);
        bool matters = node != NULL;

        if (node)
            TRY(tf_control_matters(scope, node, &matters, err));
        if (matters)
            TRY(tf_lower(scope, &node, 1, err));
    }
    if (function->control_count || scope->l->phase != TF_SERVING)
        return STATUS_OK;
    TRY(effects_find(scope->l, body, scope->depth, err));
    for (size_t n = 0; n < body->count && body->effects->all & (TF_WRITES | TF_FAILS); n++) {
        const struct tf_node *node = &body->nodes[n];
        unsigned own;

        TRY(effects_of_node(scope->l, body, node, scope->depth, &own, err));
        if (own & (TF_WRITES | TF_FAILS))
            TRY(tf_lower(scope, &node, 1, err));
    }
    return STATUS_OK;
}

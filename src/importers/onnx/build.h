// SPDX-License-Identifier: Apache-2.0
/* The building of the graph, inside: names and where they are seen. */
#pragma once

#include "importers/onnx/internal.h"

struct building {
    const struct onnx_model *model;
    struct graph *graph;
    struct map declared; /* name -> struct onnx_value_info, of the main graph */
    struct map labels;   /* name of a ZipMap output -> struct tensor of its labels */
    struct arena *keep;
    size_t nodes;
};

/* Names of the main graph, of a function's call, or of a subgraph. */
struct scope {
    struct map values;   /* name -> value_id + 1 */
    struct graph *graph; /* where its nodes go */
    const struct onnx_opsets *opsets;
    const struct onnx_attribute
        *arguments; /* attributes of the calling node; NULL outside functions */
    size_t argument_count;
    const struct onnx_function *function;
    int depth;            /* of functions */
    struct scope *parent; /* of a subgraph: what it captures from; else NULL */
    int nesting;          /* of subgraphs */
    value_id *captures;   /* (capture_count,): of parent->graph */
    value_id *captured;   /* (capture_count,): what they are here, inputs */
    size_t capture_count, capture_capacity, captured_capacity;
};

enum status onnx_name_set(struct scope *scope, struct bytes name, value_id value, struct error *err)
    must_check;

/* The value of a name here or in what is around; VALUE_NONE for the empty name. */
enum status onnx_name_get(struct building *b, struct scope *scope, struct bytes name,
                          value_id *value, struct error *err) must_check;

bool onnx_is_standard(const char *domain);
/* The version of a domain that is imported; 1 where none is. */
int onnx_opset_of(const struct onnx_opsets *opsets, const char *domain);

enum status onnx_nodes_build(struct building *b, struct scope *scope, const struct onnx_node *nodes,
                             size_t count, struct error *err) must_check;
enum status onnx_initializers_build(struct scope *scope, const struct onnx_graph *graph,
                                    struct error *err) must_check;

/* --- subgraph.c --- */

enum { ONNX_NESTING_NAMED_MAX = 2 }; /* graphs in graphs whose nodes a message names */

/* A name of a graph around this one: a constant is shared, anything else becomes an input. */
enum status onnx_capture(struct building *b, struct scope *scope, struct bytes name,
                         value_id *value, struct error *err) must_check;

/* If, Loop, Scan or SequenceMap? */
bool onnx_is_control(const struct onnx_node *node);
/* Build the graphs of such a node, and add what they capture to its inputs. `plain`: (count,), its
 * attributes, which receive the graphs. */
enum status onnx_subgraphs_build(struct building *b, struct scope *scope,
                                 const struct onnx_node *node,
                                 const struct onnx_attribute *attributes, struct attribute *plain,
                                 size_t count, value_id **inputs, size_t *input_count,
                                 struct error *err) must_check;

/* --- build.c --- */

/* The node's attributes, references to the function's own replaced. */
enum status onnx_attributes(struct building *b, const struct scope *scope,
                            const struct onnx_node *node, struct onnx_attribute **attributes,
                            size_t *count, struct error *err) must_check;

/* Put the nodes of a subgraph of one input and one output among those of `scope`. */
enum status onnx_inline(struct building *b, struct scope *scope, const struct onnx_graph *from,
                        value_id input, value_id *output, struct error *err) must_check;

/* Operators without a kernel: made of other nodes (lower.c). */
bool onnx_is_lowered(const struct onnx_node *node);
enum status onnx_lower(struct building *b, struct scope *scope, const struct onnx_node *node,
                       struct error *err) must_check;

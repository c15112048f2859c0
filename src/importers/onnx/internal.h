// SPDX-License-Identifier: Apache-2.0
/* The ONNX importer, inside: messages of onnx.proto as structs that borrow from the file, and the
 * building of the graph from them. Source: onnx/onnx:onnx/onnx.proto, docs/IR.md. */
#pragma once

#include "base/map.h"
#include "formats/protobuf.h"
#include "importers/importer.h"

struct onnx_dim {
    int64_t value;    /* DIM_UNKNOWN when it has none */
    const char *name; /* dim_param, or NULL */
};

struct onnx_value_info { /* ValueInfoProto */
    const char *name;
    enum dtype dtype; /* DTYPE_NONE: no tensor, not stated, or one we do not have */
    int64_t element;  /* TensorProto.DataType, as stored */
    const char
        *type; /* "tensor", "sequence", "map", "optional", "sparse tensor", "opaque", or "" */
    int rank;  /* RANK_UNKNOWN: no shape stated */
    struct onnx_dim *dims;      /* (rank,) */
    const struct tensor *holds; /* of a sequence, optional or map: what it holds; or NULL */
    enum dtype key;             /* of a map; DTYPE_NONE: one that we do not have */
};

struct onnx_attribute { /* AttributeProto */
    struct attribute
        value; /* kind NONE: a kind that we do not read (lists of graphs, sparse tensors) */
    const struct onnx_graph *graph; /* of kind GRAPH: value.g is made when it is built */
    const char *reference; /* ref_attr_name: the function's attribute that stands here; or NULL */
};

struct onnx_node {                  /* NodeProto */
    struct bytes *inputs, *outputs; /* names; empty: omitted */
    size_t input_count, output_count;
    const char *name, *op, *domain, *overload;
    struct onnx_attribute *attributes;
    size_t attribute_count;
};

struct onnx_opset {
    const char *domain;
    int64_t version;
};

struct onnx_opsets {
    struct onnx_opset *items;
    size_t count;
};

struct onnx_initializer {
    const char *name;
    struct tensor tensor;
};

struct onnx_graph { /* GraphProto */
    struct onnx_node *nodes;
    struct onnx_value_info *inputs, *outputs, *values;
    struct onnx_initializer *initializers;
    size_t node_count, input_count, output_count, value_count, initializer_count;
};

struct onnx_function { /* FunctionProto */
    const char *name, *domain, *overload;
    struct bytes *inputs, *outputs;
    size_t input_count, output_count;
    struct onnx_node *nodes;
    size_t node_count;
    struct onnx_attribute *defaults; /* attribute_proto */
    size_t default_count;
    struct onnx_opsets opsets;
};

struct onnx_model { /* ModelProto */
    int64_t ir_version;
    const char *producer, *producer_version;
    struct onnx_opsets opsets;
    struct onnx_graph graph;
    struct onnx_function *functions;
    size_t function_count;
    bool has_graph;
    size_t size; /* of the file, in bytes */
};

struct onnx_place { /* where files that the model names are looked for */
    struct artifact *artifact;
    const struct member *member;
};

/* Read the whole model. Tensor data is borrowed from the file where it is aligned. */
enum status onnx_model_read(struct bytes bytes, const struct onnx_place *place,
                            struct onnx_model *model, struct arena *keep, struct error *err)
    must_check;

/* Rebuild it: functions expanded, names resolved. `outputs` receives the value of each graph
 * output, `inputs` of each input in `input_infos` (those that are no initializers). */
struct onnx_built {
    struct graph *graph;
    const struct onnx_value_info **inputs; /* (input_count,) */
    value_id *input_values, *output_values;
    const struct tensor *
        *output_classes; /* (output_count,): labels of a probability output; or NULL */
    size_t input_count;
};
/* Inputs that are maps become two tensors each (maps.c). */
enum status onnx_maps_split(struct onnx_graph *graph, struct arena *keep, struct error *err)
    must_check;

enum status onnx_build(const struct onnx_model *model, struct onnx_built *built, struct arena *keep,
                       struct error *err) must_check;

/* Append the nodes that give the gradient of the sum of y by each of xs. */
enum status onnx_gradient(struct graph *graph, const value_id *xs, size_t count, value_id y,
                          value_id *outputs, struct arena *keep, struct error *err) must_check;

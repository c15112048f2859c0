// SPDX-License-Identifier: Apache-2.0
/* npy (versions 1 to 3) and npz. */
#pragma once

#include "base/text.h"
#include "formats/archive/artifact.h"
#include "formats/pickle/pickle.h"
#include "tensor/tensor.h"

bool npy_is(struct bytes bytes);
/* Header and data, data borrowed. `used` (may be NULL): bytes of header and data. Types
 * with objects: data = the pickle that follows. */
enum status npy_read_raw(struct bytes bytes, struct numpy_array *array, size_t *used,
                         struct arena *keep, struct error *err) must_check;
/* As a native, contiguous, row-major tensor: copied only when byte order, alignment or column-major
 * order ask for it. Object arrays of str or numbers are read inertly. */
enum status npy_read(struct bytes bytes, struct tensor *tensor, struct arena *keep,
                     struct error *err) must_check;
/* npz: a zip of .npy members and nothing else. */
bool npz_is(const struct artifact *artifact);

/* Version 1.0; strings as U (UTF-32), or S when they are not UTF-8. UNSUPPORTED: types
 * that numpy does not have, strings that end in NUL. */
enum status npy_write(const struct tensor *tensor, struct text *text, struct error *err) must_check;

/* A numpy array of any order, byte order and alignment as a native tensor
 * (formats/pickle/pickle.h). */
enum status numpy_to_tensor(const struct numpy_array *array, struct tensor *tensor,
                            struct arena *keep, struct error *err) must_check;
/* The native element type, or DTYPE_NONE (dates, objects, extended precision, structures). */
enum dtype numpy_dtype_native(const struct numpy_dtype *dtype);
/* Elements, and bytes of their data, that shape and dtype ask for. TOO_LARGE when that overflows,
 * or when an array without data claims dimensions that no real one has. */
enum status numpy_array_size(const struct numpy_array *array, size_t *count, size_t *bytes,
                             struct error *err) must_check;
/* Objects, or fields that are: such an array is stored as a pickle. */
bool numpy_dtype_has_objects(const struct numpy_dtype *dtype);
/* numpy's descr ("<f8", "|S3", "U7") into a dtype. */
enum status numpy_dtype_parse(struct bytes descr, struct numpy_dtype *dtype, struct error *err)
    must_check;

// SPDX-License-Identifier: Apache-2.0
/* Reading contracts: what the readers of JSON and of protocol buffers share. A place gathers the
 * fields of one direction of a signature, those inside maps as leaves. */
#pragma once

#include "contract/hydrosphere.h"
#include "contract/maps.h"

enum { TF_CODE_MAX = 23 }; /* what Hydrosphere took from TensorFlow */

/* What is being read, for errors, and where its fields go: those of maps too. */
struct place {
    const char *where, *direction;
    struct arena *keep;
    struct field *fields;
    size_t count, capacity;
    struct field_map maps[FIELD_MAPS_MAX]; /* around what is read now */
    size_t depth;
};

/* INVALID_INPUT: "where: input \"x\" WHAT" */
enum status place_invalid(const struct place *place, const struct field *field, const char *what,
                          struct error *err) must_check;

/* A field begins with its name, and gets its dtype, profile and dimensions (-1: free) ... */
enum status place_field(const struct place *place, const char *name, struct field *field,
                        struct error *err) must_check;
enum status place_dim(const struct place *place, struct field *field, int64_t size,
                      struct error *err) must_check;
/* ... and is one of the signature's, or of the map around it. */
enum status place_add(struct place *place, struct field *field, struct error *err) must_check;

/* `field` holds others, which are read next: until place_map_end. No shape is one map. `before`:
 * place->count when it began. */
enum status place_map(struct place *place, const struct field *field, struct error *err) must_check;
enum status place_map_end(struct place *place, const struct field *field, size_t before,
                          struct error *err) must_check;

/* What was read into `place`, which is empty afterwards: unique names. */
enum status place_take(struct place *place, struct field **fields, size_t *count, struct error *err)
    must_check;

enum status hydrosphere_signature_check(const char *where, const struct signature *signature,
                                        struct error *err) must_check;

bool hydrosphere_profile_by_name(struct bytes name, enum profile *profile);
bool hydrosphere_profile_by_number(int64_t number, enum profile *profile);

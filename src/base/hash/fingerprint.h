// SPDX-License-Identifier: Apache-2.0
/* Hashes of strings that models depend on: the same bits for ever. Not for tables of ours
 * (base/map.h). */
#pragma once

#include "base/bytes.h"

/* FarmHash's Fingerprint64 (Google, farmhashna). */
uint64_t fingerprint_farm64(struct bytes bytes);
/* SipHash-2-4 with the key (low, high). */
uint64_t fingerprint_sip64(struct bytes bytes, uint64_t low, uint64_t high);
/* MurmurHash64A as TensorFlow seeds it (its "Hash64"). */
uint64_t fingerprint_murmur64(struct bytes bytes);
/* MurmurHash3_x86_32 with the seed 0 (scikit-learn's FeatureHasher). */
uint32_t fingerprint_murmur32(struct bytes bytes);
/* One of two, as TensorFlow's FingerprintCat64. */
uint64_t fingerprint_join(uint64_t a, uint64_t b);

// SPDX-License-Identifier: Apache-2.0
/* SHA-256 through OpenSSL's libcrypto (which uses the CPU's SHA instructions). */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

enum { SHA256_SIZE = 32, SHA256_HEX_SIZE = 65 };

struct sha256; /* one running hash */

struct sha256 *sha256_new(void); /* or NULL; free with sha256_free */
void sha256_free(struct sha256 *hash);
void sha256_update(struct sha256 *hash, struct bytes bytes);
/* The digest in lower-case hexadecimal; the hash starts anew. */
void sha256_finish(struct sha256 *hash, char hex[SHA256_HEX_SIZE]);

/* All at once. False when there is no memory. */
bool sha256_of(struct bytes bytes, char hex[SHA256_HEX_SIZE]) must_check;

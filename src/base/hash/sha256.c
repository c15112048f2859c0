// SPDX-License-Identifier: Apache-2.0
#include "base/hash/sha256.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct sha256 {
    EVP_MD_CTX *context;
};

struct sha256 *sha256_new(void)
{
    struct sha256 *hash = calloc(1, sizeof *hash);

    if (!hash)
        return NULL;
    hash->context = EVP_MD_CTX_new();
    if (hash->context && EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL) == 1)
        return hash;
    sha256_free(hash);
    return NULL;
}

void sha256_free(struct sha256 *hash)
{
    if (hash)
        EVP_MD_CTX_free(hash->context);
    free(hash);
}

void sha256_update(struct sha256 *hash, struct bytes bytes)
{
    EVP_DigestUpdate(hash->context, bytes.data, bytes.size);
}

void sha256_finish(struct sha256 *hash, char hex[SHA256_HEX_SIZE])
{
    static const char DIGITS[] = "0123456789abcdef";
    unsigned char digest[SHA256_SIZE];

    EVP_DigestFinal_ex(hash->context, digest, NULL);
    for (int i = 0; i < SHA256_SIZE; i++) {
        hex[2 * i] = DIGITS[digest[i] >> 4];
        hex[2 * i + 1] = DIGITS[digest[i] & 15];
    }
    hex[SHA256_HEX_SIZE - 1] = 0;
    EVP_DigestInit_ex(hash->context, NULL, NULL);
}

bool sha256_of(struct bytes bytes, char hex[SHA256_HEX_SIZE])
{
    struct sha256 *hash = sha256_new();

    if (!hash)
        return false;
    sha256_update(hash, bytes);
    sha256_finish(hash, hex);
    sha256_free(hash);
    return true;
}

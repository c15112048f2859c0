// SPDX-License-Identifier: Apache-2.0
/* Sources: google/farmhash src/farmhash.cc (namespace farmhashna); Aumasson and Bernstein,
 * "SipHash: a fast short-input PRF"; tensorflow/core/platform/{hash,fingerprint}. */
#include "base/hash/fingerprint.h"

static uint64_t load64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t load32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t rotate_right(uint64_t value, int by)
{
    return value >> by | value << (64 - by);
}

static uint64_t shift_mix(uint64_t value)
{
    return value ^ value >> 47;
}

/* --- FarmHash --- */

static const uint64_t K0 = 0xc3a5c85c97cb3127u, K1 = 0xb492b66fbe98f273u, K2 = 0x9ae16a3b2f90404fu;

struct pair {
    uint64_t first, second;
};

static uint64_t mix(uint64_t u, uint64_t v, uint64_t multiplier)
{
    uint64_t a = shift_mix((u ^ v) * multiplier);

    return shift_mix((v ^ a) * multiplier) * multiplier;
}

static uint64_t farm_0_to_16(const uint8_t *s, size_t size)
{
    uint64_t multiplier = K2 + size * 2;

    if (size >= 8) {
        uint64_t a = load64(s) + K2, b = load64(s + size - 8);

        return mix(rotate_right(b, 37) * multiplier + a, (rotate_right(a, 25) + b) * multiplier,
                   multiplier);
    }
    if (size >= 4)
        return mix(size + ((uint64_t)load32(s) << 3), load32(s + size - 4), multiplier);
    if (size > 0) {
        uint32_t y = (uint32_t)s[0] + ((uint32_t)s[size >> 1] << 8);
        uint32_t z = (uint32_t)size + ((uint32_t)s[size - 1] << 2);

        return shift_mix(y * K2 ^ z * K0) * K2;
    }
    return K2;
}

static uint64_t farm_17_to_32(const uint8_t *s, size_t size)
{
    uint64_t multiplier = K2 + size * 2, a = load64(s) * K1, b = load64(s + 8);
    uint64_t c = load64(s + size - 8) * multiplier, d = load64(s + size - 16) * K2;

    return mix(rotate_right(a + b, 43) + rotate_right(c, 30) + d, a + rotate_right(b + K2, 18) + c,
               multiplier);
}

static uint64_t farm_33_to_64(const uint8_t *s, size_t size)
{
    uint64_t multiplier = K2 + size * 2, a = load64(s) * K2, b = load64(s + 8);
    uint64_t c = load64(s + size - 8) * multiplier, d = load64(s + size - 16) * K2;
    uint64_t y = rotate_right(a + b, 43) + rotate_right(c, 30) + d;
    uint64_t z = mix(y, a + rotate_right(b + K2, 18) + c, multiplier);
    uint64_t e = load64(s + 16) * multiplier, f = load64(s + 24);
    uint64_t g = (y + load64(s + size - 32)) * multiplier;
    uint64_t h = (z + load64(s + size - 24)) * multiplier;

    return mix(rotate_right(e + f, 43) + rotate_right(g, 30) + h, e + rotate_right(f + a, 18) + g,
               multiplier);
}

static struct pair weak_32(const uint8_t *s, uint64_t a, uint64_t b)
{
    uint64_t w = load64(s), x = load64(s + 8), y = load64(s + 16), z = load64(s + 24), c;

    a += w;
    b = rotate_right(b + a + z, 21);
    c = a;
    a += x + y;
    b += rotate_right(a, 44);
    return (struct pair){a + z, b + c};
}

struct farm {
    uint64_t x, y, z;
    struct pair v, w;
};

static void farm_swap(struct farm *f)
{
    uint64_t x = f->x;

    f->x = f->z;
    f->z = x;
}

static void farm_block(struct farm *f, const uint8_t *s)
{
    f->x = rotate_right(f->x + f->y + f->v.first + load64(s + 8), 37) * K1;
    f->y = rotate_right(f->y + f->v.second + load64(s + 48), 42) * K1;
    f->x ^= f->w.second;
    f->y += f->v.first + load64(s + 40);
    f->z = rotate_right(f->z + f->w.first, 33) * K1;
    f->v = weak_32(s, f->v.second * K1, f->x + f->w.first);
    f->w = weak_32(s + 32, f->z + f->w.second, f->y + load64(s + 16));
    farm_swap(f);
}

static uint64_t farm_last(struct farm *f, const uint8_t *s, size_t rest)
{
    uint64_t multiplier = K1 + ((f->z & 0xff) << 1);

    f->w.first += rest;
    f->v.first += f->w.first;
    f->w.first += f->v.first;
    f->x = rotate_right(f->x + f->y + f->v.first + load64(s + 8), 37) * multiplier;
    f->y = rotate_right(f->y + f->v.second + load64(s + 48), 42) * multiplier;
    f->x ^= f->w.second * 9;
    f->y += f->v.first * 9 + load64(s + 40);
    f->z = rotate_right(f->z + f->w.first, 33) * multiplier;
    f->v = weak_32(s, f->v.second * multiplier, f->x + f->w.first);
    f->w = weak_32(s + 32, f->z + f->w.second, f->y + load64(s + 16));
    farm_swap(f);
    return mix(mix(f->v.first, f->w.first, multiplier) + shift_mix(f->y) * K0 + f->z,
               mix(f->v.second, f->w.second, multiplier) + f->x, multiplier);
}

uint64_t fingerprint_farm64(struct bytes bytes)
{
    const uint8_t *s = bytes.data;
    size_t size = bytes.size, rest;
    struct farm f = {.x = 81};

    if (size <= 16)
        return farm_0_to_16(s, size);
    if (size <= 32)
        return farm_17_to_32(s, size);
    if (size <= 64)
        return farm_33_to_64(s, size);
    f.y = f.x * K1 + 113;
    f.z = shift_mix(f.y * K2 + 113) * K2;
    f.x = f.x * K2 + load64(s);
    for (size_t block = 0; block < (size - 1) / 64; block++)
        farm_block(&f, s + 64 * block);
    rest = (size - 1) & 63;
    return farm_last(&f, s + size - 64, rest);
}

/* --- SipHash --- */

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate_right(v[1], 51) ^ v[0];
    v[0] = rotate_right(v[0], 32);
    v[2] += v[3];
    v[3] = rotate_right(v[3], 48) ^ v[2];
    v[0] += v[3];
    v[3] = rotate_right(v[3], 43) ^ v[0];
    v[2] += v[1];
    v[1] = rotate_right(v[1], 47) ^ v[2];
    v[2] = rotate_right(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
}

uint64_t fingerprint_sip64(struct bytes bytes, uint64_t low, uint64_t high)
{
    uint64_t v[4] = {low ^ 0x736f6d6570736575u, high ^ 0x646f72616e646f6du,
                     low ^ 0x6c7967656e657261u, high ^ 0x7465646279746573u};
    uint64_t last = (uint64_t)bytes.size << 56;
    size_t i = 0;

    for (; i + 8 <= bytes.size; i += 8)
        sip_word(v, load64(bytes.data + i));
    for (size_t k = 0; i + k < bytes.size; k++)
        last |= (uint64_t)bytes.data[i + k] << (8 * k);
    sip_word(v, last);
    v[2] ^= 0xff;
    for (int round = 0; round < 4; round++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* --- MurmurHash --- */

static const uint64_t MURMUR = 0xc6a4a7935bd1e995u;

uint64_t fingerprint_murmur64(struct bytes bytes)
{
    uint64_t hash = 0xDECAFCAFFEu ^ bytes.size * MURMUR, k;
    size_t i = 0;

    for (; i + 8 <= bytes.size; i += 8) {
        k = load64(bytes.data + i) * MURMUR;
        hash = (hash ^ shift_mix(k) * MURMUR) * MURMUR;
    }
    if (i < bytes.size) {
        k = 0;
        memcpy(&k, bytes.data + i, bytes.size - i);
        hash = (hash ^ k) * MURMUR;
    }
    return shift_mix(shift_mix(hash) * MURMUR);
}

uint64_t fingerprint_join(uint64_t a, uint64_t b)
{
    uint64_t result = a ^ MURMUR;

    result ^= shift_mix(b * MURMUR) * MURMUR;
    result *= MURMUR;
    return shift_mix(shift_mix(result) * MURMUR);
}

/* --- MurmurHash3 (Austin Appleby, public domain; x86_32) --- */

static uint32_t turned(uint32_t x, int by)
{
    return x << by | x >> (32 - by);
}

uint32_t fingerprint_murmur32(struct bytes bytes)
{
    uint32_t hash = 0, k = 0;
    size_t whole = bytes.size / 4 * 4;

    for (size_t i = 0; i < bytes.size; i++) {
        k |= (uint32_t)bytes.data[i] << 8 * (i % 4);
        if (i % 4 != 3 && i + 1 != bytes.size)
            continue;
        hash ^= turned(k * 0xCC9E2D51u, 15) * 0x1B873593u;
        if (i < whole)
            hash = turned(hash, 13) * 5 + 0xE6546B64u;
        k = 0;
    }
    hash ^= (uint32_t)bytes.size;
    hash = (hash ^ hash >> 16) * 0x85EBCA6Bu;
    hash = (hash ^ hash >> 13) * 0xC2B2AE35u;
    return hash ^ hash >> 16;
}

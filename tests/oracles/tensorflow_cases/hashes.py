"""Hashes of strings."""

import numpy as np

from .operators import K, free, one, random, text

ALL_SIZES = np.array(["x" * n for n in range(0, 70)] + ["ab" * n + "c" for n in (35, 40, 63, 64, 65, 100, 1000)] + ["héllo wörld", "日本語のテキスト", "😀"], object)
WORDS = text("hello", "", "Wörld", "日本語", "a b  c", " x ")


def hashes():
    for buckets in (1, 2, 10, 1000, 2**31, 2**62):
        yield from one("StringToHashBucketFast", input=ALL_SIZES, num_buckets=buckets)
        yield from one("StringToHashBucket", string_tensor=ALL_SIZES, num_buckets=buckets)
        yield from one("StringToHashBucketStrong", input=ALL_SIZES, num_buckets=buckets, key=[2, 3])
        yield from one("StringToHashBucketStrong", "large key", input=ALL_SIZES, num_buckets=buckets, key=[2**62 + 7, -5])
    for shape in ((), (0,), (2, 3), (1, 0, 2)):
        yield from one("StringToHashBucketFast", input=np.resize(WORDS, shape), num_buckets=7)
    yield from free("StringToHashBucketFast", input=WORDS, num_buckets=50)
    binary = np.array([bytes(random.integers(0, 256, n, np.uint8)).decode("latin1") for n in (3, 20, 50, 90)], object)
    yield from one("StringToHashBucketFast", "binary", input=binary, num_buckets=10**9)


def cases():
    yield from hashes()

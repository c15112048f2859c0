"""Text: joining, splitting, matching, hashing, Unicode, numbers, bytes."""

import base64

import numpy as np
import tensorflow as tf

from .operators import GraphCase, K, free, normal, one, sweep, text, whole

WORDS = np.array([["Hello World", "", " a  b "], ["naïve café", "日本語 x", "TAB\tend\n"]], object)
NUMBERS = text("1", "-2.5", "1e3", " 7 ", "+4", "0x10", "inf", "nan", ".5", "1e-3")


def plain():
    for op in ("StringLower", "StringUpper"):
        yield from free(op, input=WORDS)
        yield from one(op, "ascii", input=WORDS)
        yield from one(op, "utf8", input=np.array(["ÄÖÜ Straße", "İı", "éÉ"], object), encoding="utf-8")
    yield from one("StringStrip", input=WORDS)
    for unit in ("BYTE", "UTF8_CHAR"):
        yield from one("StringLength", input=WORDS, unit=unit)
        for position, length in ((0, 3), (1, 2), (-3, 2), (-1, 1)):
            yield from one("Substr", f"{unit}.{position}.{length}", input=text("hello", "日本語語" if unit != "BYTE" else "a\tbcdef", "naïve"), pos=K(position), len=K(length), unit=unit)
        yield from one("Substr", f"{unit}.each", input=text("hello", "abcd", "naïve"), pos=np.array([0, 1, 2], np.int32), len=np.array([1, 2, 9], np.int32), unit=unit)
    yield from one("Substr", "broadcast", input=WORDS[:, :1], pos=K([0, 1, 2]), len=K([1, 1, 1]))
    for separator in ("", "-", ", "):
        yield from one("StringJoin", inputs=[text("a", "b"), text("c", ""), text("d", "e")], separator=separator)
        yield from one("ReduceJoin", f"{separator}", inputs=WORDS, reduction_indices=K([1]), separator=separator)
    yield from one("StringJoin", "scalar", inputs=[np.array("x", object), text("c", "d")], separator="_")
    for axis in ([0], [-1], [0, 1], [1, 0], []):
        yield from one("ReduceJoin", f"{axis}", inputs=WORDS, reduction_indices=K(axis, np.int32), keep_dims=axis == [0], separator="|")
    yield from one("StringFormat", inputs=[normal(2, 2), np.int32(3)], template="a %s b %s", placeholder="%s", summarize=3)
    yield from one("StringFormat", "long", inputs=[np.arange(20, dtype=np.int32)], template="%s", summarize=2)


def splitting():
    for delimiter in (" ", "", ",", "ab"):
        for skip in (False, True):
            yield from one("StringSplit", f"{delimiter!r}.{skip}", input=text(" a b  c", "x,y,,z", "", "aabbab"), delimiter=K(np.array(delimiter, object), object), skip_empty=skip)
    for separator, most in (("", -1), (" ", -1), (",", -1), (",", 1), ("", 1), ("ab", -1)):
        yield from one("StringSplitV2", f"{separator!r}.{most}", input=text(" a b  c", "x,y,,z", "", "aabbab"), sep=K(np.array(separator, object), object), maxsplit=most)
    for widths, left, right, pad, short in (([2], "", "", 0, False), ([1, 2, 3], "<", ">", -1, False), ([3], "<", ">", 1, True), ([4], "", "", 0, True)):
        yield from one("StringNGrams", f"{widths}{pad}{short}", data=text("a", "b", "c", "d", "e"), data_splits=np.array([0, 3, 3, 5], np.int64), separator=" ", ngram_widths=widths, left_pad=left, right_pad=right, pad_width=pad, preserve_short_sequences=short)


def matching():
    for pattern in ("a+b", ".*", "[a-z]+ .*", "(foo|bar)\\d{2,3}", "^x$", "\\w+", "(?i)HELLO.*", "[^a-z]*", "\\p{L}+", "a.c", ""):
        texts = text("aab", "foo12", "bar1234", "hello there", "x", "", "naïve", "a\nc", "Z9")
        yield from one("StaticRegexFullMatch", pattern, input=texts, pattern=pattern)
        yield from one("RegexFullMatch", pattern, input=texts, pattern=K(np.array(pattern, object), object))
        for rewrite in ("-", "<\\0>"):
            for everywhere in (False, True):
                yield from one("StaticRegexReplace", f"{pattern}.{rewrite}.{everywhere}", input=texts, pattern=pattern, rewrite=rewrite, replace_global=everywhere)
    for pattern, rewrite in (("(\\w)(\\w)", "\\2\\1"), ("[[:punct:]]", ""), ("[!\"#$%&()\\*\\+,-\\./:;<=>?@\\[\\\\\\]^_`{|}~\\']", ""), ("\\s+", " "), ("b*", "x"), ("\\bfoo\\b", "Q"), ("a{2}", "z"), ("(a)|(b)", "[\\1\\2]"), ("[\\d\\-]+", "#")):
        yield from one("RegexReplace", f"{pattern}.{rewrite}", input=text("foo, bar! foo", "aabb ab", "x-1-2  y", "", "naïve foo_bar"), pattern=K(np.array(pattern, object), object), rewrite=K(np.array(rewrite, object), object))


def hashing():
    for buckets in (1, 7, 1000, 2**40):
        yield from one("StringToHashBucketFast", input=WORDS, num_buckets=buckets)
        yield from one("StringToHashBucketStrong", input=WORDS, num_buckets=buckets, key=[123, 456])
        yield from one("StringToHashBucket", string_tensor=WORDS, num_buckets=buckets)
    long = np.array(["x" * n for n in (0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 300)], object)
    yield from one("StringToHashBucketFast", "lengths", input=long, num_buckets=2**50)
    yield from one("StringToHashBucketStrong", "lengths", input=long, num_buckets=2**50, key=[1, 2])
    yield from one("StringToHashBucket", "lengths", string_tensor=long, num_buckets=2**50)
    yield from sweep("Fingerprint", data=whole(3, 4), method=K(np.array("farmhash64", object), object))
    yield from one("Fingerprint", "text", data=WORDS, method=K(np.array("farmhash64", object), object))


def conversion():
    for dtype in (tf.float32, tf.float64):
        yield from one("StringToNumber", dtype.name, string_tensor=NUMBERS[[0, 1, 2, 3, 4, 6, 7, 8, 9]], out_type=dtype)
    for dtype in (tf.int32, tf.int64):
        yield from one("StringToNumber", dtype.name, string_tensor=text("1", "-22", " 7 ", "0", "2147483647"), out_type=dtype)
    yield from sweep("AsString", input=whole(2, 3))
    for fill in " +-0":  # without a width
        for x in (np.array([1.5, -0.25], np.float32), np.array([7, -20])):
            yield from one("AsString", f"{x.dtype}.fill.{fill}", input=x, fill=fill)
    for options in ({"precision": 2}, {"precision": 3, "scientific": True}, {"shortest": True}, {"width": 8}, {"width": 8, "fill": "0"}, {"width": 8, "fill": "-", "precision": 1}, {"scientific": True}):
        yield from one("AsString", f"{list(options.items())}".replace(" ", ""), input=np.array([1.5, -0.25, 1e10, 1 / 3, np.inf, np.nan, 0], np.float32), **options)
        if not {"precision", "scientific", "shortest"} & set(options):
            yield from one("AsString", f"int.{list(options.items())}".replace(" ", ""), input=np.array([1, -20, 300]), **options)
    for dtype in (tf.uint8, tf.int8, tf.int16, tf.int32, tf.int64, tf.float32, tf.float64, tf.float16, tf.uint16, tf.bool):
        for little in (True, False):
            yield from one("DecodeRaw", f"{dtype.name}.{little}", bytes=np.array([b"\x00\x01\x00\x01\x01\x00\x01\x00" * 2, b"\x01" * 16], object), out_type=dtype, little_endian=little)
            if dtype != tf.bool:
                yield from one("DecodePaddedRaw", f"{dtype.name}.{little}", input_bytes=np.array([b"\x00\x01\x02\x03", b"\x01" * 20], object), fixed_length=K(16), out_type=dtype, little_endian=little)
    for pad in (False, True):
        yield from one("EncodeBase64", input=np.array([b"hello", b"", b"\xff\xfe\x00a"], object), pad=pad)
    yield from one("DecodeBase64", input=np.array([base64.urlsafe_b64encode(b).rstrip(b"=") for b in (b"hello", b"", b"ab>?")], object))
    import gzip
    import zlib

    yield from one("DecodeCompressed", "zlib", bytes=np.array([zlib.compress(b"hello" * 20)], object), compression_type="ZLIB")
    yield from one("DecodeCompressed", "gzip", bytes=np.array([gzip.compress(b"hello" * 20)], object), compression_type="GZIP")
    yield from one("DecodeCompressed", "none", bytes=text("plain"))
    for array in (normal(2, 3), whole(4), text("a", "bc"), np.array([True, False])):
        yield from one("ParseTensor", f"{array.dtype.name}", serialized=np.array(tf.io.serialize_tensor(tf.constant(array)).numpy(), object), out_type=tf.string if array.dtype == object else tf.as_dtype(array.dtype))
    yield from one("SerializeTensor", tensor=text("a", "bc"))


def unicode():
    texts = text("héllo", "日本", "", "a😀b")
    for errors in ("replace", "ignore"):
        for op in ("UnicodeDecode", "UnicodeDecodeWithOffsets"):
            yield from one(op, errors, input=texts, input_encoding="UTF-8", errors=errors)
            yield from one(op, f"broken.{errors}", input=np.array([b"a\xffb", b"\xe6\x97", b"ok"], object), input_encoding="UTF-8", errors=errors)
    yield from one("UnicodeDecode", "controls", input=text("a\x01b"), input_encoding="UTF-8", replace_control_characters=True)
    for encoding in ("UTF-8", "UTF-16-BE", "UTF-32-BE"):
        def encode(values, splits, encoding=encoding):
            return tf.io.decode_raw(tf.raw_ops.UnicodeEncode(input_values=values, input_splits=splits, output_encoding=encoding)[:1], tf.uint8)

        yield GraphCase(f"UnicodeEncode.{encoding}", encode, {"values": np.array([72, 233, 0x1F600, 26085], np.int32), "splits": np.array([0, 3, 4], np.int64)}, operator="UnicodeEncode")
    yield from one("UnicodeTranscode", "latin", input=np.array([b"na\xefve", b"x"], object), input_encoding="ISO-8859-1", output_encoding="UTF-8")
    yield from one("UnicodeTranscode", "utf8", input=np.array([b"a\xffb", b"ok\x01"], object), input_encoding="UTF-8", output_encoding="UTF-8", replace_control_characters=True)
    yield from one("UnicodeScript", "all", input=np.arange(-3, 0x110003, dtype=np.int32))
    yield from one("UnicodeScript", "ends", input=np.array([[-(2**31), 2**31 - 1], [65, 0x3042]], np.int32))


def cases():
    for family in (plain, splitting, matching, hashing, conversion, unicode):
        yield from family()

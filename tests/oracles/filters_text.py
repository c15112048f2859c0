#!/usr/bin/env python3
"""Hugging Face's tokenizers as oracle of the filter `tokens`: BERT's pieces, cased and not, of texts in many scripts."""

import os
import sys

sys.path = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]  # onnx.py is there, too

import json
import random
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from tokenizers import BertWordPieceTokenizer

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from common import Refused, predict_files

TEXTS = [
    "Hello, World! It's 3.14 o'clock.", "", "   ", "unaffable unaffordable", "Ünïcödé naïve café Ångström ŁÓDŹ",
    "İstanbul ΣΑΣ ὈΔΥΣΣΕΎΣ", "東京タワーは高い。hello世界", "한국어 텍스트 처리", "שָׁלוֹם עולם", "العَرَبِيَّة", "हिन्दी भाषा", "tabs\tand\nlines\r\nand\x0bmore\x00\ufffd\x7f\u200b",
    "a" * 101, "a" * 100, "x-ray (test) [brackets] {braces} <tags> $5 ^hat `tick` ~tilde |pipe| a_b", "emoji 😀 and 👩‍👩‍👧 family", "zero\u200dwidth\u00adsoft",
    "ﬁne ﬂat ½ ² Ⅷ", "don't can't won't", "…—–“quoted” ‘single’", "Z̷̢͓a̴l̵g̶o", "\u3000wide\u2003space\u00a0nbsp", "𠀀𪜀 extension", "𝟘𝔸 math", "ǅ ǆ ß ẞ ſ",
    "word " * 60,
]


def vocabulary():
    rng = random.Random(1)
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    seen = set(pieces)

    def add(token):
        if token and token not in seen:
            seen.add(token)
            pieces.append(token)

    for text in TEXTS:
        for word in text.split() + text.lower().split():
            for _ in range(6):
                i, j = sorted((rng.randrange(len(word) + 1), rng.randrange(len(word) + 1)))
                if j - i <= 12:
                    add(word[i:j])
                    add("##" + word[i:j])
    import unicodedata
    for c in map(chr, list(range(0x21, 0x250)) + [ord(c) for text in TEXTS for c in unicodedata.normalize("NFD", text) + text.lower()]):
        if not c.isspace() and c != "\0" and rng.random() < 0.9:
            add(c)
            add("##" + c)
    return [p for p in pieces if "\n" not in p and "\r" not in p]


def model(folder, length):
    inputs = ["input_ids", "attention_mask", "token_type_ids"]
    fields = lambda names: [helper.make_tensor_value_info(name, TensorProto.INT64, ["N", length]) for name in names]
    nodes = [helper.make_node("Identity", [name], [name + "_out"]) for name in inputs]
    graph = helper.make_graph(nodes, "same", fields(inputs), fields([name + "_out" for name in inputs]))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), Path(folder) / "model.onnx")


def compare(length, cased, accents, tokens):
    with tempfile.TemporaryDirectory() as outside:
        folder = Path(outside) / "model"
        folder.mkdir()
        model(folder, length)
        (folder / "vocab.txt").write_text("".join(token + "\n" for token in tokens), newline="")
        options = {"vocabulary": "vocab.txt", "cased": cased, "accents": {None: "as-case", True: "strip", False: "keep"}[accents]}
        (folder / "serving.yaml").write_text(json.dumps({"kind": "Model", "filters": {"inputs": {"input_ids": {"tokens": options}}}}))
        body = Path(outside) / "body.json"
        body.write_text(json.dumps({"inputs": [{"name": "input_ids", "shape": [len(TEXTS)], "datatype": "BYTES", "data": TEXTS}]}))
        got = predict_files(folder, [body])
        theirs = BertWordPieceTokenizer(str(folder / "vocab.txt"), lowercase=not cased, strip_accents=accents)
    theirs.enable_truncation(length)
    theirs.enable_padding(length=length)
    faults = []
    for i, text in enumerate(TEXTS):
        want = theirs.encode(text)
        for name, numbers in (("input_ids", want.ids), ("attention_mask", want.attention_mask), ("token_type_ids", want.type_ids)):
            have = got[name + "_out"][i].tolist()
            if have != numbers:
                faults.append(f"{text!r} {name}: {[tokens[n] for n in have if n][:40]} is not {[tokens[n] for n in numbers if n][:40]}")
                break
    return faults


if __name__ == "__main__":
    passed = failed = 0
    tokens = vocabulary()
    for length in (8, 64, 128):
        for cased in (False, True):
            for accents in (None, True, False):
                try:
                    faults = compare(length, cased, accents, tokens)
                except Refused as error:
                    faults = [error.args[1]]
                for fault in faults:
                    print(f"FAIL length {length} cased {cased} accents {accents}: {fault}")
                passed += len(TEXTS) - len(faults)
                failed += len(faults)
    print(f"filters-text: {passed} passed, {failed} failed")
    sys.exit(failed > 0)

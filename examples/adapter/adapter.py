# SPDX-License-Identifier: Apache-2.0
"""A framework of our own: a model is a JSON file with a word's worth on each line."""
import json

from firn_worker.adapter import Loaded, field, signature


class Words(Loaded):
    def __init__(self, path):
        self.path = path
        with open(path) as file:
            self.worth = json.load(file)

    def contract(self):
        return [signature("predict", [field("text", "string", [-1])], [field("worth", "double", [-1])])]

    def predict(self, signature, inputs):
        return {"worth": [float(sum(self.worth.get(word, 0) for word in text.split())) for text in inputs["text"]]}

    def fit(self, x, y=None, **options):
        """Each word is worth the mean of the texts that it is in."""
        seen = {}
        for text, value in zip(x, y):
            for word in set(text.split()):
                seen.setdefault(word, []).append(float(value))
        self.worth = {word: sum(values) / len(values) for word, values in seen.items()}
        return {"words": len(self.worth)}

    def save(self, folder):
        path = folder + "/words.json"
        with open(path, "w") as file:
            json.dump(self.worth, file)
        return path


def load(model):
    return Words(model.path(".json"))

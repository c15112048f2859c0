#!/usr/bin/env python3
"""Train the example model: a scikit-learn pipeline over the iris table, saved with joblib.

    pip install scikit-learn pandas joblib
    python3 examples/train_iris.py          # writes examples/iris.joblib

Nothing here is special to firn: it is how people save models.
"""

from pathlib import Path

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

iris = load_iris(as_frame=True)
table = iris.data.rename(columns=lambda name: name.replace(" (cm)", "").replace(" ", "_"))
species = iris.target_names[iris.target]

model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
model.fit(table, species)
joblib.dump(model, Path(__file__).with_name("iris.joblib"))

flower = table.iloc[[100]]
print(flower.to_dict("records")[0], "->", model.predict(flower)[0], model.predict_proba(flower)[0])

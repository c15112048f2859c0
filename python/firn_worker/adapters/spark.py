# SPDX-License-Identifier: Apache-2.0
"""Pipelines of Spark ML, run by Spark inside the worker (one process, no cluster). Needs Java.

The signature is transform: columns in, the columns of the contract out; vectors are rows of double."""
import os
import sys

from firn_worker import adapter, tables, values

WORK = os.environ.get("TMPDIR", "/tmp")
# Java on this machine alone: no pages of its own, no network but loopback.
JAVA = "-Djava.net.preferIPv4Stack=true -XX:+UseSerialGC -XX:-UsePerfData " \
       "-Djava.io.tmpdir=" + WORK
SETTINGS = {
    "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1", "spark.sql.shuffle.partitions": "1", "spark.local.dir": WORK,
    "spark.sql.warehouse.dir": os.path.join(WORK, "warehouse"), "spark.driver.extraJavaOptions": JAVA}


class Pipeline(adapter.Loaded):
    def __init__(self, session, model, path=None):
        self.session, self.model, self.path = session, model, path

    def stages(self):
        return list(getattr(self.model, "stages", [self.model]))

    def contract(self):
        """Columns that a stage needs and none made before it, by the types that their readers have."""
        made, needed, given = set(), {}, []
        for stage in self.stages():
            for column, kind in taken(stage):
                if column not in made:
                    needed.setdefault(column, kind)
            given = [column for column in columns_of(stage, "Col") if column not in dict(taken(stage))]
            made |= set(given)
        if not needed or None in needed.values():
            return []
        inputs = [adapter.field(name, kind, shape) for name, (kind, shape) in needed.items()]
        outputs = []
        for stage in self.stages()[-1:]:
            for name in ("predictionCol", "probabilityCol"):
                if stage.hasParam(name) and stage.isDefined(name) and stage.getOrDefault(name):
                    count = getattr(stage, "numClasses", -1)
                    outputs.append(adapter.field(stage.getOrDefault(name), "double",
                                                 [-1] if name == "predictionCol" else [-1, count]))
        return [adapter.signature("transform", inputs, outputs)] if outputs else []

    def frame(self, signature, inputs):
        from pyspark.ml.linalg import Vectors
        names = [field.name for field in signature.inputs]
        columns = [values.numpy.atleast_1d(inputs[name]) for name in names]
        rows = [tuple(Vectors.dense(c[i].tolist()) if c.ndim > 1 else c[i].item() if hasattr(c[i], "item") else c[i]
                      for c in columns) for i in range(len(columns[0]))]
        return self.session.createDataFrame(rows, names)

    def predict(self, signature, inputs):
        names = [field.name for field in signature.outputs]
        if not len(values.numpy.atleast_1d(next(iter(inputs.values())))):
            return {f.name: values.numpy.zeros([0] + [max(n, 0) for n in (f.shape or ())[1:]]) for f in signature.outputs}
        rows = self.model.transform(self.frame(signature, inputs)).select(*names).collect()
        result = {}
        for i, field in enumerate(signature.outputs):
            column = [row[i].toArray() if hasattr(row[i], "toArray") else row[i] for row in rows]
            result[field.name] = tables.fitted(values.numpy.array(column), field)
        return result

    def save(self, folder):
        inside = os.path.relpath(self.path, folder) if self.path else "model"
        path = os.path.join(folder, os.path.basename(inside))
        self.model.write().overwrite().save("file://" + path)
        return path


def columns_of(stage, ending):
    """What the parameters of a stage name: columns that it reads or makes."""
    found = []
    for param in stage.params:
        if param.name.endswith(ending) and not param.name.startswith(("input", "features", "label", "weight")) and \
                stage.isDefined(param):
            value = stage.getOrDefault(param)
            found += [value] if isinstance(value, str) and value else []
    return found


def taken(stage):
    """(column, (dtype, shape) or None) that a stage reads."""
    text = type(stage).__name__
    found = []
    for name in ("inputCol", "featuresCol"):
        if stage.hasParam(name) and stage.isDefined(name) and not (name == "featuresCol" and stage.hasParam("inputCol")):
            kind = ("string", [-1]) if text.startswith(("Tokenizer", "RegexTokenizer", "StringIndexer")) else \
                ("double", [-1, getattr(stage, "numFeatures", -1)]) if name == "featuresCol" else None
            found.append((stage.getOrDefault(name), kind))
    if stage.hasParam("inputCols") and stage.isDefined("inputCols"):
        found += [(name, ("double", [-1])) for name in stage.getOrDefault("inputCols")]
    return found


def session():
    pyspark = adapter.need("pyspark", "Spark ML models")
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = pyspark.sql.SparkSession.builder.master("local[1]").appName("firn")
    for key, value in SETTINGS.items():
        builder = builder.config(key, value)
    made = builder.getOrCreate()
    made.sparkContext.setLogLevel("ERROR")
    return made


def find(files):
    for root, folders, _ in os.walk(files):
        folders.sort()
        if "metadata" in folders:
            return root
    raise values.ValueFault("there is no folder with metadata among the files")


def opened(path):
    spark = session()
    from pyspark.ml.util import DefaultParamsReader
    try:
        return DefaultParamsReader.loadParamsInstance("file://" + path, spark)
    except TypeError:  # before Spark 4
        return DefaultParamsReader.loadParamsInstance("file://" + path, spark.sparkContext)


def of(fitted):
    return Pipeline(session(), fitted)


def load(model):
    path = find(model.files)
    return Pipeline(session(), opened(path), path)

"""What the families of SavedModels share: writing one, asking it with TensorFlow."""

import numpy as np
import tensorflow as tf

from .operators import CONFIG


class ModelCase:
    """make(folder) -> [(path, signature, inputs, answers)]"""

    def __init__(self, name, make, rtol=None, operator=None):
        self.name, self.make, self.rtol, self.operator = name, make, rtol, operator

    def write(self, folder):
        return self.make(folder)


def answers(outputs):
    return {name: np.asarray(value) for name, value in outputs.items()}


def asked(path, questions):
    """questions: signature -> inputs. Answered by the model as loaded anew."""
    found = []
    for signature, inputs in questions.items():
        loaded = tf.saved_model.load(str(path))
        outputs = loaded.signatures[signature](**{n: tf.constant(v) for n, v in inputs.items()})
        found.append((path, signature, inputs, answers(outputs)))
    return found


def module_case(name, build, rtol=None, options=None, operator=None, folder_name="model"):
    """build(folder) -> (module, signatures, questions)"""

    def make(folder):
        module, signatures, questions = build(folder)
        path = folder / folder_name
        tf.saved_model.save(module, str(path), signatures=signatures, options=options)
        return asked(path, questions)

    return ModelCase(name, make, rtol, operator)


def function_case(name, function, specification, inputs, rtol=None, operator=None):
    """A tf.Module whose one signature is this function of tensors."""

    def build(folder):
        module = tf.Module()
        names = list(inputs)
        module.f = tf.function(lambda *tensors: function(*tensors), input_signature=[tf.TensorSpec(s.shape, s.dtype, name=n) for n, s in zip(names, specification)])
        concrete = module.f.get_concrete_function()
        return module, {"serving_default": concrete}, {"serving_default": inputs}

    return module_case(name, build, rtol, operator=operator)


def session_case(name, build, rtol=None, tags=("serve",), after=None, operator=None, text=False):
    """A SavedModel of TensorFlow 1. build() in a graph -> (signatures, questions, initialisers for loading)."""

    def make(folder):
        path = folder / "model"
        v1 = tf.compat.v1
        with tf.Graph().as_default(), v1.Session(config=CONFIG) as session:
            signatures, questions, main = build(folder)
            session.run([v1.global_variables_initializer(), v1.tables_initializer()])
            builder = v1.saved_model.Builder(str(path))
            builder.add_meta_graph_and_variables(session, list(tags), signature_def_map=signatures, main_op=main, strip_default_attrs=True, assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS) or None)
            if after:
                after(builder, signatures)
            builder.save(as_text=text)
        found = []
        for signature, inputs in questions.items():
            with tf.Graph().as_default(), v1.Session(config=CONFIG) as session:
                read = v1.saved_model.load(session, list(tags), str(path)).signature_def[signature]
                feed = {}
                for key, value in inputs.items():
                    feed[read.inputs[key].name] = value
                outputs = session.run({key: info.name for key, info in read.outputs.items()}, feed)
                found.append((path, signature, inputs, answers(outputs)))
        return found

    return ModelCase(name, make, rtol, operator)

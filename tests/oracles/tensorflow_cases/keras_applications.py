"""The architectures of keras.applications with drawn weights, as .keras, .h5 and SavedModel: the same
answer from all three, and Keras's."""

import keras
import numpy as np

from .savedmodel import ModelCase

IN_SAMPLE = 1
# name: width and height
ARCHITECTURES = {
    "MobileNetV2": 64, "MobileNet": 64, "MobileNetV3Small": 64, "MobileNetV3Large": 64, "ResNet50": 64, "ResNet101": 64, "ResNet152": 64, "ResNet50V2": 64, "ResNet101V2": 64, "ResNet152V2": 64,
    "DenseNet121": 64, "DenseNet169": 64, "EfficientNetB0": 64, "DenseNet201": 64, "InceptionV3": 96, "InceptionResNetV2": 96, "Xception": 96, "VGG16": 32, "VGG19": 32, "EfficientNetB1": 64, "EfficientNetB2": 64,
    "EfficientNetB3": 64, "EfficientNetB4": 64, "EfficientNetB5": 64, "NASNetMobile": 64, "EfficientNetB6": 64, "EfficientNetB7": 64, "EfficientNetV2B0": 64, "EfficientNetV2B1": 64, "EfficientNetV2B2": 64, "EfficientNetV2B3": 64,
    "EfficientNetV2S": 64, "EfficientNetV2M": 64, "EfficientNetV2L": 64, "NASNetLarge": 96, "ConvNeXtTiny": 64, "ConvNeXtSmall": 64, "ConvNeXtBase": 64, "ConvNeXtLarge": 64, "ConvNeXtXLarge": 64,
}


def settled(model, random):
    """Statistics and scales that are not at their defaults, so that activations neither vanish nor explode."""
    for weight in model.weights:
        if weight.path.endswith(("gamma", "moving_variance")):
            weight.assign(random.uniform(0.8, 1.2, weight.shape))
        elif weight.path.endswith(("beta", "moving_mean", "bias")):
            weight.assign(random.uniform(-0.1, 0.1, weight.shape))


def three_files(name, size):
    def make(folder):
        random = np.random.default_rng(7)
        keras.utils.clear_session()
        model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=10)
        settled(model, random)
        x = random.uniform(0, 255, (2, size, size, 3)).astype(np.float32)
        want = {"y": np.asarray(model(x, training=False))}
        found = []
        for kind in ("model.keras", "model.h5"):
            model.save(folder / kind)
            found.append((folder / kind, None, {"x": x}, want))
        model.export(str(folder / "model"), verbose=False)
        return [*found, (folder / "model", "serving_default", {"x": x}, want)]

    case = ModelCase(name, make, rtol=1e-4)
    case.ordered = case.ranked = True
    return case


def cases():
    for name, size in ARCHITECTURES.items():
        yield three_files(name, size)

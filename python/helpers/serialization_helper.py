# SPDX-License-Identifier: Apache-2.0
"""`from helpers.serialization_helper import SerializationHelper`, as programs for 0Mind have it."""

from firn import save_model


class SerializationHelper:
    """Models as archives; see firn.save_model."""

    @staticmethod
    def save_model(model_type, model, file_name, inputs=None, outputs=None):
        return save_model(model_type, model, file_name, inputs, outputs)

# SPDX-License-Identifier: Apache-2.0
"""The import path of 0Mind's SerializationHelper; what it does is firn.save_model."""

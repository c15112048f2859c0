# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the package tensorflow_serving, whose messages handlers of Hydrosphere's first generation return."""

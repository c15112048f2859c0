# SPDX-License-Identifier: Apache-2.0
"""What kept_by_text imports."""


def shout(text):
    return text.upper()

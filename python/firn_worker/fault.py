# SPDX-License-Identifier: Apache-2.0
"""What goes back to the server as an ERROR."""


class Fault(Exception):
    """`status`: one of frame.py's."""

    def __init__(self, status, text):
        Exception.__init__(self, text)
        self.status = status

# SPDX-License-Identifier: Apache-2.0
"""A user's own module of PyTorch, for test_savers.py."""

import torch
from torch import nn

CLASSES = 3


class Block(nn.Module):
    def __init__(self, size: int):
        super().__init__()
        self.inner = nn.Linear(size, size)

    def forward(self, x):
        return torch.relu(self.inner(x)) + x


class Net(nn.Module):
    def __init__(self, features: int, hidden: int = 4):
        super().__init__()
        self.first = nn.Linear(features, hidden)
        self.block = Block(hidden)
        self.last = nn.Linear(hidden, CLASSES)

    def forward(self, x):
        return self.last(self.block(self.first(x)))

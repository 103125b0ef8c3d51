"""The cells that the tables of docs/what_goes_in.rst are built from."""

# ruff: noqa: F401 - the names are those of the tables
# the cells
import datetime as dt
import enum
import uuid
from decimal import Decimal

import dask.dataframe as dd
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import torch
from scipy import sparse

Fruit = enum.Enum("Fruit", ["APPLE", "PEAR"])

A = np.random.default_rng(0).normal(size=(40, 2))
x = A[:, 0]  # numbers
i = np.arange(40) % 5  # whole numbers
t = ["a", "b"] * 20  # text
b = [True, False] * 20  # booleans
d = [Decimal("1.10"), Decimal("2.30")] * 20  # decimals
# the end of the cells

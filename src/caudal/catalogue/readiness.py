"""``readiness.yaml``: what the inequality and readiness matrices are made of."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from ruamel.yaml import YAML

from caudal.model.readiness import MatrixSpec


@cache
def matrix_spec() -> MatrixSpec:
    """The matrices as the catalogue declares them.

    >>> matrix_spec().fully
    ('sex', 'age')
    """
    text = files("caudal.catalogue").joinpath("readiness.yaml").read_text(encoding="utf-8")
    return MatrixSpec.model_validate(YAML(typ="safe", pure=True).load(text))

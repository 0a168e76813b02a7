"""The common language, as data, and its door: code lists, dimensions, axes of the concept vector, indicators.

What is built in lies beside this file as CSV and YAML; a country folder adds to it and overrides it by
name. :func:`load_catalogue` merges the two and says everything that is wrong at once. It refuses a text
that lacks in a language of the country: a label is never made up.
"""

from __future__ import annotations

from caudal.catalogue.formulas import formula_for
from caudal.catalogue.labels import Label, label_sheet
from caudal.catalogue.loading import load_catalogue
from caudal.catalogue.schemas import schemas, write_schemas

__all__ = ["Label", "formula_for", "label_sheet", "load_catalogue", "schemas", "write_schemas"]

"""Raw tables -> records in the common language, or observations where somebody else has already counted.

The interface, in the order in which a build calls it::

    key = identifier_key(country, folder)                        # None where caudal.yaml names none
    register = collect.register_deliveries(folder, source)       # .deliveries, .missing
    for delivery in register.deliveries:
        done = harmonise_delivery(folder, source, delivery, catalogue=catalogue, cache=cache,
                                  territory=country.territory, key=key, engine=country.engine)
        done.records          # Parquet: the columns done.columns, then valid_period, known_at, delivery_code,
                              # raw_row; or an observation table where done.kind == "observation"
        done.quarantine       # Parquet: raw_row, reason
        done.reconciliation   # rows in = records + quarantined + left out
        done.concept          # axes that the source decides, with what differs in this delivery
        done.sql              # the whole pipeline, as an auditor prints it
    total = added(d.reconciliation for d in all_done)
    threshold_problems(source, total)                            # why a release is refused, or nothing

:func:`check_source` finds every mistake of a source's spec before any file is read, :func:`check_delivery`
what only a file can tell, :func:`notices_of` what may not be meant; :func:`lineage` tells
from which raw columns and which lines of the spec a concept came.
"""

from caudal.harmonise.check import check_source
from caudal.harmonise.crosswalk import Crosswalk, read_crosswalk
from caudal.harmonise.delivery import Harmonised, harmonise_delivery
from caudal.harmonise.identifiers import IdentifierKey, identifier_key
from caudal.harmonise.lineage import ConceptLineage, lineage
from caudal.harmonise.notices import notices_of
from caudal.harmonise.opening import check_delivery, check_thresholds
from caudal.harmonise.reconcile import added, threshold_problems
from caudal.harmonise.standard import check_choices, statements, with_choices
from caudal.harmonise.trial import Tried, ends_early

__all__ = [
    "ConceptLineage",
    "Crosswalk",
    "Harmonised",
    "IdentifierKey",
    "Tried",
    "added",
    "check_choices",
    "check_delivery",
    "check_source",
    "check_thresholds",
    "ends_early",
    "harmonise_delivery",
    "identifier_key",
    "lineage",
    "notices_of",
    "read_crosswalk",
    "statements",
    "threshold_problems",
    "with_choices",
]

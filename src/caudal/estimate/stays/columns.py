"""Names and codes of the crossing records that this package reads, and of what it writes."""

from __future__ import annotations

#: Dense number of the person, from the dictionary of :mod:`caudal.estimate.stays.identities`.
PERSON = "person_id"
#: Instant of the crossing, in the local time of the territory.
INSTANT = "crossing_at"
DIRECTION = "direction_code"
ENTRY, EXIT = "entry", "exit"

CITIZENSHIP = "citizenship_code"
POST = "post_code"
REASON = "declared_reason_code"
DOCUMENT_TYPE = "document_type_code"
SEX = "sex_code"
BIRTH = "birth_date"
DECLARED_STAY = "declared_stay_days"
PERMITTED_STAY = "permitted_stay_days"
KNOWN_AT = "known_at"

REQUIRED = (PERSON, INSTANT, DIRECTION)
#: Text columns that may differ from crossing to crossing, and so ride in the key.
OF_THE_CROSSING = (CITIZENSHIP, POST, REASON, DOCUMENT_TYPE)
#: Columns with a number of days.
LENGTHS = (DECLARED_STAY, PERMITTED_STAY)
#: Longest delay between a crossing and its record that is told apart, in months.
LONGEST_DELAY = 62
#: Longest length of stay that is told apart, in days.
LONGEST_LENGTH = 1022

RESIDENT, NON_RESIDENT = "resident", "non_resident"
UNKNOWN = "_U"
TOTAL = "_T"

"""The layouts in which the offices of Istmo deliver: file by file, column by column.

Declared once; the writers, the dictionary that lies beside the files and the method page follow from it.
Codes that say why a value is missing end alike in every list, as wide as the variable: 7 refused, 8 not
applicable, 9 not known (``7``, ``97``, ``997``, ``9999997``). What it refuses to do: a blank never stands
for a refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from caudal.simulate.codes import code_list

#: Last digit of the codes that say why a value is missing.
REFUSED_DIGIT, NOT_APPLICABLE_DIGIT, UNKNOWN_DIGIT = 7, 8, 9


@dataclass(frozen=True)
class RawColumn:
    """One column of a delivered file.

    ``name`` is the office's name, ``concept`` the column of :class:`~caudal.simulate.population.Population`
    that it reports, ``codes`` its national code list (empty for numbers), ``width`` the digits of its
    missing codes (0 where it is never missing), ``universe`` who is asked. Numbers with ``decimals`` are
    held as whole numbers of the last decimal, and delivered with a decimal comma.
    """

    name: str
    concept: str
    text: str
    codes: str = ""
    width: int = 0
    universe: str = "all"
    decimals: int = 0

    def stored(self, code: int) -> int:
        """A missing code on the scale on which the values are held."""
        return code * int(10**self.decimals)

    @property
    def refused(self) -> int | None:
        """The code of a refusal; None where the question cannot be refused."""
        return self._missing(REFUSED_DIGIT)

    @property
    def not_applicable(self) -> int | None:
        """The code outside the universe; None where everybody is asked."""
        return self._missing(NOT_APPLICABLE_DIGIT)

    @property
    def unknown(self) -> int | None:
        """The code of an unknown answer; None where the office always knows."""
        return self._missing(UNKNOWN_DIGIT)

    def _missing(self, digit: int) -> int | None:
        if not self.width:
            return None
        code = missing_code(self.width, digit)
        if self.codes and str(code) not in code_list(self.codes):
            return None
        return code


def missing_code(width: int, digit: int) -> int:
    """The missing code of a variable of ``width`` digits.

    >>> missing_code(3, 7), missing_code(1, 9)
    (997, 9)
    """
    return int(10**width) - 10 + digit


@dataclass(frozen=True)
class Layout:
    """One delivered file: its name, how its bytes are made, its columns in order."""

    file: str
    text: str
    columns: tuple[RawColumn, ...]


#: Asked of every person, in the census and in the survey: concept, text, code list, width, universe.
_PERSON_QUESTIONS: tuple[tuple[str, str, str, int, str], ...] = (
    ("relationship", "relationship to the reference person", "relationship", 1, "all"),
    ("sex", "sex", "sex", 1, "all"),
    ("age", "age in completed years at the reference date", "", 3, "all"),
    ("civil_status", "civil status", "civil_status", 1, "15 years and over"),
    ("birth_country", "country of birth", "country", 3, "all"),
    (
        "arrival_year",
        "year in which she or he came (or came back) to live in Istmo",
        "",
        4,
        "born abroad, or returned after a year or more abroad",
    ),
    ("citizenship", "country of citizenship", "country", 3, "all"),
    ("citizenship_origin", "citizen by birth, by naturalisation, or foreign", "citizenship_origin", 1, "all"),
    ("mother_birth_country", "country of birth of the mother", "country", 3, "all"),
    ("father_birth_country", "country of birth of the father", "country", 3, "all"),
    ("residence_5y", "residence five years before", "residence_5y", 1, "5 years and over"),
    (
        "residence_5y_region",
        "region of residence five years before",
        "region",
        2,
        "lived in another region five years before",
    ),
    (
        "residence_5y_country",
        "country of residence five years before",
        "country",
        3,
        "lived abroad five years before",
    ),
    ("lived_abroad", "born in Istmo and lived abroad a year or more", "yes_no", 1, "born in Istmo"),
    (
        "reason",
        "main reason of coming (or coming back)",
        "reason",
        2,
        "born abroad, or returned after a year or more abroad",
    ),
    ("legal_status", "migratory document held", "permit", 2, "foreign citizens"),
    ("ethnicity", "ethnicity, by self-identification", "ethnicity", 2, "all"),
    ("people", "indigenous people", "people", 2, "indigenous"),
    ("wg_seeing", "difficulty seeing, even with glasses", "difficulty", 1, "5 years and over"),
    ("wg_hearing", "difficulty hearing, even with a hearing aid", "difficulty", 1, "5 years and over"),
    ("wg_walking", "difficulty walking or climbing steps", "difficulty", 1, "5 years and over"),
    ("wg_remembering", "difficulty remembering or concentrating", "difficulty", 1, "5 years and over"),
    ("wg_selfcare", "difficulty with self-care", "difficulty", 1, "5 years and over"),
    ("wg_communicating", "difficulty communicating", "difficulty", 1, "5 years and over"),
    ("attendance", "attends education or training", "yes_no", 1, "3 years and over"),
    ("education", "highest level completed", "education", 2, "5 years and over"),
    ("activity", "status in the labour force in the reference week", "activity", 1, "15 years and over"),
    ("employment_status", "status in employment, main job", "employment_status", 1, "employed"),
    ("occupation", "occupation, main job", "occupation", 2, "employed"),
    ("industry", "branch of the main job", "industry", 2, "employed"),
    ("pension", "the employer deducts pension contributions", "yes_no", 1, "employees"),
    (
        "registered_unit",
        "the own business is registered with the tax office",
        "yes_no",
        1,
        "employers and own-account workers",
    ),
)

_CENSUS_NAMES = (
    "parentesco", "sexo", "edad", "estado_civil", "pais_nacimiento", "anio_llegada", "pais_nacionalidad",
    "origen_nacionalidad", "pais_madre", "pais_padre", "residencia_5", "residencia_5_region",
    "residencia_5_pais", "vivio_exterior", "motivo", "", "etnia", "pueblo", "dif_ver", "dif_oir",
    "dif_caminar", "dif_recordar", "dif_cuidado", "dif_comunicar", "asiste", "nivel", "condicion_actividad",
    "categoria_ocupacional", "ocupacion", "rama", "aporta_jubilacion", "unidad_registrada",
)  # fmt: skip

_SURVEY_NAMES = (
    "PARENT", "SEXO", "EDAD", "EST_CIV", "PAIS_NAC", "ANIO_LLEG", "PAIS_CIU", "CIU_ORIG", "PAIS_MAD",
    "PAIS_PAD", "RES5", "RES5_REG", "RES5_PAIS", "VIVIO_EXT", "MOTIVO", "DOC_MIG", "ETNIA", "PUEBLO",
    "WG_VER", "WG_OIR", "WG_CAM", "WG_REC", "WG_CUI", "WG_COM", "ASISTE", "NIVEL_ED", "COND_ACT",
    "CAT_OCUP", "OCUP", "RAMA", "APORTE", "UNI_REG",
)  # fmt: skip


def _questions(names: tuple[str, ...]) -> tuple[RawColumn, ...]:
    """The questions under an office's own ``names``; an empty name is a question it does not ask."""
    return tuple(
        RawColumn(name, concept, text, codes, width, universe)
        for name, (concept, text, codes, width, universe) in zip(names, _PERSON_QUESTIONS, strict=True)
        if name
    )


CENSUS_PERSONS = Layout(
    "census_persons.parquet",
    "Census of population: one row a person. Parquet, whole numbers; sorted by enumeration area.",
    (
        RawColumn("id_hogar", "household_id", "household"),
        RawColumn("n_persona", "member_no", "number of the person within the household"),
        RawColumn("region", "region", "region", "region"),
        RawColumn("area", "area", "urban or rural", "area"),
        RawColumn("municipio", "municipality", "municipality: region and two digits"),
        RawColumn("segmento", "psu", "enumeration area"),
        *_questions(_CENSUS_NAMES),
        RawColumn("tenencia", "tenure", "tenure of the dwelling (same for the household)", "tenure", 1),
        RawColumn("cuartos", "rooms", "rooms of the dwelling (same for the household)", "", 2),
        RawColumn("agua", "water", "water of the dwelling (same for the household)", "water", 1),
    ),
)

_FACTOR = RawColumn(
    "FACTOR", "weight", "expansion factor, adjusted for nonresponse; decimal comma", decimals=4
)

SURVEY_PERSONS = Layout(
    "survey_persons.csv.gz",
    "Labour force survey, persons: gzip, latin-1, separator ;, decimal comma, one header line.",
    (
        RawColumn("ANIO", "year", "year"),
        RawColumn("TRIM", "quarter", "quarter"),
        RawColumn("ID_HOGAR", "household_id", "household; with COMP it is the key of the person"),
        RawColumn("COMP", "member_no", "number of the person within the household"),
        RawColumn("REGION", "region", "region", "region"),
        RawColumn("REGION_N", "region_name", "name of the region, with accents"),
        RawColumn("AREA", "area", "urban or rural", "area"),
        RawColumn("ESTRATO", "stratum", "stratum: region times ten plus area"),
        RawColumn("UPM", "psu", "primary sampling unit; unique in the country"),
        _FACTOR,
        *_questions(_SURVEY_NAMES),
        RawColumn("HORAS", "hours", "hours usually worked in a week, main job", "", 3, "employed"),
        RawColumn(
            "ING_MES",
            "earnings",
            "earnings of the main job in the month, in istmeños; decimal comma",
            width=7,
            universe="employed, except contributing family workers",
            decimals=2,
        ),
    ),
)  # fmt: skip

SURVEY_HOUSEHOLDS = Layout(
    "survey_households.csv.gz",
    "Labour force survey, households: gzip, latin-1, separator ;, decimal comma, one header line.",
    (
        RawColumn("ANIO", "year", "year"),
        RawColumn("TRIM", "quarter", "quarter"),
        RawColumn("ID_HOGAR", "household_id", "household"),
        RawColumn("REGION", "region", "region", "region"),
        RawColumn("AREA", "area", "urban or rural", "area"),
        RawColumn("ESTRATO", "stratum", "stratum: region times ten plus area"),
        RawColumn("UPM", "psu", "primary sampling unit; unique in the country"),
        _FACTOR,
        RawColumn("MIEMBROS", "household_size", "members of the household"),
        RawColumn("TENENCIA", "tenure", "tenure of the dwelling", "tenure", 1),
        RawColumn("CUARTOS", "rooms", "rooms of the dwelling", "", 2),
        RawColumn("AGUA", "water", "water of the dwelling", "water", 1),
        RawColumn(
            "ING_TOT",
            "household_earnings",
            "earnings of all members in the month, in istmeños; decimal comma",
            width=7,
            decimals=2,
        ),
    ),
)

REGISTER = Layout(
    "residents_register.csv",
    "Register of foreign residents: UTF-8 with byte-order mark, separator comma, text in quotes, dates"
    " dd/mm/yyyy.",
    (
        RawColumn("num_documento", "document", "document of identity: the key, with repeated rows"),
        RawColumn("fecha_nacimiento", "birth_date", "date of birth, dd/mm/yyyy; some impossible"),
        RawColumn("sexo", "sex_letter", "M man, F woman, X not recorded, blank missing"),
        RawColumn("pais_nacimiento", "birth_country", "country of birth", "country", 3),
        RawColumn(
            "nacionalidad", "citizenship", "nationality; some codes are in no list (777)", "country", 3
        ),
        RawColumn("region", "region", "region of residence", "region", 2),
        RawColumn("tipo_residencia", "legal_status", "category of the document", "permit", 2),
        RawColumn("fecha_ingreso", "entry_date", "date of entry, dd/mm/yyyy"),
        RawColumn("fecha_resolucion", "grant_date", "date of the decision, dd/mm/yyyy"),
        RawColumn(
            "ultimo_tramite", "last_seen_date", "date of the last procedure: a sign of life, dd/mm/yyyy"
        ),
        RawColumn(
            "estado", "register_state", "A active, B closed (deaths and departures that were reported)"
        ),
    ),
)

#: Layouts of one file each. The quarterly deliveries are declared in :mod:`caudal.simulate.permits`.
LAYOUTS = MappingProxyType(
    {layout.file: layout for layout in (CENSUS_PERSONS, SURVEY_PERSONS, SURVEY_HOUSEHOLDS, REGISTER)}
)

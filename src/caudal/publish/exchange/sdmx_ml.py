"""SDMX-ML 2.1 and 3.0: structures with their names in every language, and data by series.

Written as text, element by element: what differs between the two versions is a reference (an element
``Ref`` in 2.1, a uniform name in 3.0), a parent, and the names of a few containers, all in
:class:`Dialect`. Data are structure-specific, series by series, so that a reader needs no more memory than
one series. A withheld value is an absent attribute, never a zero.

Reference: SDMX-ML schemas 2.1 and 3.0. Refuses nothing: what cannot be an identifier was escaped before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from xml.sax.saxutils import escape, quoteattr

from caudal.engine.files import blocks
from caudal.model.spec import Text
from caudal.publish.exchange import names
from caudal.publish.exchange.names import urn
from caudal.publish.exchange.shape import (
    Attribute,
    Component,
    Dataflow,
    Exchange,
    ExchangeCode,
    ExchangeList,
    Kind,
    Role,
    Series,
    number_text,
    theme_id,
)

#: Characters that XML 1.0 does not admit.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_XSI = "http://www.w3.org/2001/XMLSchema-instance"


@dataclass(frozen=True)
class Dialect:
    """What a version of SDMX-ML calls things. ``refs`` tells that references are elements."""

    version: str
    refs: bool
    action: str

    def space(self, name: str) -> str:
        """A namespace of this version."""
        return f"http://www.sdmx.org/resources/sdmxml/schemas/v{self.version.replace('.', '_')}/{name}"


ML_21 = Dialect("2.1", True, "Replace")
ML_30 = Dialect("3.0", False, "Replace")


def structure_ml(exchange: Exchange, dialect: Dialect) -> bytes:
    """All structures of a release in one message, but that of its reference metadata."""
    return _structure_message(exchange, dialect, (_structures_21 if dialect.refs else _structures_30))


def metadata_structure_ml(exchange: Exchange) -> bytes:
    """The structure of the reference metadata, as SDMX-ML 3.0. A message of its own, because readers that
    know nothing of metadataflows refuse the message in which they meet one."""
    return _structure_message(exchange, ML_30, _metadata_structures)


def constraints_ml(exchange: Exchange) -> bytes:
    """The constraints of the dataflows, as SDMX-ML 3.0, where they stand before the dataflows: a reader that
    meets the reference first keeps no name of the dataflow."""
    return _structure_message(exchange, ML_30, _constraint_structures)


def _constraint_structures(exchange: Exchange, dialect: Dialect) -> Iterator[str]:
    yield "<str:DataConstraints>"
    yield from _constraints(exchange, dialect)
    yield "</str:DataConstraints>"


def _structure_message(
    exchange: Exchange, dialect: Dialect, structures: Callable[[Exchange, Dialect], Iterator[str]]
) -> bytes:
    head = _open("mes:Structure", dialect, {"mes": "message", "str": "structure", "com": "common"})
    header = _header(exchange, dialect, "STRUCTURE", "") + "</mes:Header>"
    body = ["<mes:Structures>", *structures(exchange, dialect), "</mes:Structures>", "</mes:Structure>"]
    return _bytes([head, header, *body])


def data_ml(
    exchange: Exchange, flow: Dataflow, series: Iterable[Series], dialect: Dialect
) -> Iterator[bytes]:
    """The series of a dataflow, block by block: the largest message is never in memory whole."""
    structure = urn(exchange, "DataStructure", flow.structure_id)
    spaces = {"mes": "message", "ss": "data/structurespecific", "com": "common"}
    namespace = f' xmlns:ns1="{structure}:ObsLevelDim:TIME_PERIOD"'
    ref = _ref(exchange, dialect, "DataStructure", flow.structure_id)
    used = (
        f'<mes:Structure structureID="{flow.structure_id}" namespace="{structure}" '
        f'dimensionAtObservation="TIME_PERIOD"><com:Structure>{ref}</com:Structure></mes:Structure>'
    )
    scope = ' ss:dataScope="DataStructure"' if dialect.refs else ""
    head = [
        _open("mes:StructureSpecificData", dialect, spaces, namespace),
        _header(exchange, dialect, f"DATA_{theme_id(flow.theme)}", used),
        "</mes:Header>",
        f'<mes:DataSet ss:structureRef="{flow.structure_id}" xsi:type="ns1:DataSetType"{scope} '
        f'ss:action="{dialect.action}">',
    ]
    yield _bytes(head)
    yield from blocks(f"{line}\n" for line in _series(flow, series))
    yield b"</mes:DataSet>\n</mes:StructureSpecificData>\n"


def metadata_ml(exchange: Exchange) -> bytes:
    """The reference metadata of all dataflows, as SDMX-ML 3.0."""
    spaces = {"mes": "message", "md": "metadata/generic", "com": "common"}
    flow = urn(exchange, "Metadataflow", names.METADATAFLOW)
    structure = urn(exchange, "MetadataStructure", names.METADATA_STRUCTURE)
    used = (
        f'<mes:Structure structureID="{names.METADATA_STRUCTURE}">'
        f"<com:Structure>{structure}</com:Structure></mes:Structure>"
    )
    head = _open("mes:GenericMetadata", ML_30, spaces)
    parts = [head, _header(exchange, ML_30, "METADATA", used), "</mes:Header>"]
    for report in exchange.reports:
        target = next(f for f in exchange.dataflows if f.theme == report.theme)
        parts += [
            f'<mes:MetadataSet id="{report.id}" agencyID="{exchange.agency}" version="{exchange.version}">',
            *_named("com:Name", report.names),
            f"<md:Metadataflow>{flow}</md:Metadataflow>",
            f"<md:Target>{names.flow_urn(exchange, target)}</md:Target>",
            *(line for a in report.attributes for line in _reported(a)),
            "</mes:MetadataSet>",
        ]
    parts.append("</mes:GenericMetadata>")
    return _bytes(parts)


def clean(text: str) -> str:
    """``text`` without the characters that XML does not admit, escaped.

    >>> clean("a<b\\x00")
    'a&lt;b'
    """
    return escape(_FORBIDDEN.sub("", text))


def _bytes(parts: Iterable[str]) -> bytes:
    return ("\n".join(['<?xml version="1.0" encoding="UTF-8"?>', *parts]) + "\n").encode()


def _open(root: str, dialect: Dialect, spaces: Mapping[str, str], more: str = "") -> str:
    declared = "".join(f' xmlns:{p}="{dialect.space(n)}"' for p, n in spaces.items())
    return f'<{root} xmlns:xsi="{_XSI}"{declared}{more}>'


def _header(exchange: Exchange, dialect: Dialect, ident: str, used: str) -> str:
    """The header up to its end tag, which the caller writes."""
    return "".join(
        [
            f"<mes:Header><mes:ID>{ident}</mes:ID>",
            f"<mes:Test>{'true' if exchange.draft else 'false'}</mes:Test>",
            f"<mes:Prepared>{exchange.prepared}T00:00:00Z</mes:Prepared>",
            f'<mes:Sender id="{exchange.agency}">',
            *_named("com:Name", exchange.producer),
            "</mes:Sender>",
            used,
        ]
    )


def _named(tag: str, text: Text) -> Iterator[str]:
    for language, words in text.items():
        yield f'<{tag} xml:lang="{language}">{clean(words)}</{tag}>'


def _ref(exchange: Exchange, dialect: Dialect, kind: str, ident: str, item: str = "") -> str:
    """A reference to a structure, or to an item of a scheme."""
    if not dialect.refs:
        return urn(exchange, "Concept" if item else kind, ident, item)
    if item:
        return (
            f'<Ref maintainableParentID="{ident}" maintainableParentVersion="{exchange.version}" '
            f'agencyID="{exchange.agency}" id="{item}" class="Concept" package="conceptscheme"/>'
        )
    of = f'class="{kind}" package="{names.PACKAGES[kind]}"'
    return f'<Ref id="{ident}" version="{exchange.version}" agencyID="{exchange.agency}" {of}/>'


def _structures_21(exchange: Exchange, dialect: Dialect) -> Iterator[str]:
    yield "<str:OrganisationSchemes>"
    yield from _agencies(exchange, f' version="{names.AGENCIES_VERSION}"')
    yield "</str:OrganisationSchemes><str:Dataflows>"
    yield from _flows(exchange, dialect)
    yield "</str:Dataflows><str:Codelists>"
    yield from _lists(exchange, dialect)
    yield "</str:Codelists><str:Concepts>"
    yield from _scheme(exchange, dialect, names.CONCEPTS, exchange.title, exchange.concepts)
    yield "</str:Concepts><str:DataStructures>"
    yield from _data_structures(exchange, dialect)
    yield "</str:DataStructures><str:Constraints>"
    yield from _constraints(exchange, dialect)
    yield "</str:Constraints>"


def _structures_30(exchange: Exchange, dialect: Dialect) -> Iterator[str]:
    yield "<str:AgencySchemes>"
    yield from _agencies(exchange, "")  # 3.0 admits no version on a scheme of organisations
    yield "</str:AgencySchemes><str:Codelists>"
    yield from _lists(exchange, dialect)
    yield "</str:Codelists><str:ConceptSchemes>"
    yield from _scheme(exchange, dialect, names.CONCEPTS, exchange.title, exchange.concepts)
    yield "</str:ConceptSchemes><str:Dataflows>"
    yield from _flows(exchange, dialect)
    yield "</str:Dataflows><str:DataStructures>"
    yield from _data_structures(exchange, dialect)
    yield "</str:DataStructures>"


def metadata_concepts(exchange: Exchange) -> dict[str, Text]:
    """The parts of the reference metadata by identifier, in the order of the reports."""
    found: dict[str, Text] = {}

    def walk(attributes: Iterable[Attribute], known: dict[str, Text]) -> None:
        for attribute in attributes:
            known.setdefault(attribute.id, attribute.names)
            walk(attribute.parts, known)

    for report in exchange.reports:
        walk(report.attributes, found)
    return found


def _agencies(exchange: Exchange, version: str) -> Iterator[str]:
    yield f'<str:AgencyScheme id="{names.AGENCIES}" agencyID="SDMX"{version}>'
    yield '<com:Name xml:lang="en">Agencies</com:Name>'
    yield f'<str:Agency id="{exchange.agency}">'
    yield from _named("com:Name", exchange.producer)
    yield "</str:Agency></str:AgencyScheme>"


def _maintainable(exchange: Exchange, dialect: Dialect, tag: str, ident: str, more: str = "") -> str:
    final = ' isFinal="true"' if dialect.refs and not exchange.draft else ""
    return f'<str:{tag} id="{ident}" agencyID="{exchange.agency}" version="{exchange.version}"{final}{more}>'


def _flows(exchange: Exchange, dialect: Dialect) -> Iterator[str]:
    for flow in exchange.dataflows:
        yield _maintainable(exchange, dialect, "Dataflow", flow.id)
        yield from _named("com:Name", flow.names)
        yield from _named("com:Description", flow.descriptions)
        ref = _ref(exchange, dialect, "DataStructure", flow.structure_id)
        yield f"<str:Structure>{ref}</str:Structure></str:Dataflow>"


def _lists(exchange: Exchange, dialect: Dialect) -> Iterator[str]:
    for code_list in exchange.code_lists.values():
        yield from _code_list(exchange, dialect, code_list)


def _code_list(exchange: Exchange, dialect: Dialect, code_list: ExchangeList) -> Iterator[str]:
    yield _maintainable(exchange, dialect, "Codelist", code_list.id)
    yield from _named("com:Name", code_list.names)
    for code in code_list.codes:
        yield from _code(code, dialect)
    yield "</str:Codelist>"


def _code(code: ExchangeCode, dialect: Dialect) -> Iterator[str]:
    """A code. The schema of 3.0 admits no parent that begins with a digit, as the codes of M49 regions do:
    such a parent stands in an annotation."""
    named = dialect.refs or code.parent[:1].isalpha()
    notes = {"STANDS_FOR": code.note, "PARENT": "" if named else code.parent}
    yield f'<str:Code id="{code.id}">'
    if any(notes.values()):
        told = "".join(_annotation(k, v) for k, v in notes.items() if v)
        yield f"<com:Annotations>{told}</com:Annotations>"
    yield from _named("com:Name", code.names)
    if code.parent and named:
        parent = f'<Ref id="{code.parent}"/>' if dialect.refs else code.parent
        yield f"<str:Parent>{parent}</str:Parent>"
    yield "</str:Code>"


def _annotation(kind: str, text: str) -> str:
    return (
        f"<com:Annotation><com:AnnotationTitle>{clean(text)}</com:AnnotationTitle>"
        f"<com:AnnotationType>{kind}</com:AnnotationType></com:Annotation>"
    )


def _scheme(
    exchange: Exchange, dialect: Dialect, ident: str, title: Text, concepts: Mapping[str, Text]
) -> Iterator[str]:
    yield _maintainable(exchange, dialect, "ConceptScheme", ident)
    yield from _named("com:Name", title)
    for concept, text in concepts.items():
        yield f'<str:Concept id="{concept}">'
        yield from _named("com:Name", text)
        yield "</str:Concept>"
    yield "</str:ConceptScheme>"


def _data_structures(exchange: Exchange, dialect: Dialect) -> Iterator[str]:
    for flow in exchange.dataflows:
        yield _maintainable(exchange, dialect, "DataStructure", flow.structure_id)
        yield from _named("com:Name", flow.names)
        yield '<str:DataStructureComponents><str:DimensionList id="DimensionDescriptor">'
        for place, dimension in enumerate(flow.dimensions, 1):
            position = f' position="{place}"'
            yield from _component(exchange, dialect, dimension, "Dimension", position)
        time = next(c for c in flow.components if c.role is Role.TIME)
        position = f' position="{len(flow.dimensions) + 1}"' if dialect.refs else ""
        yield from _component(exchange, dialect, time, "TimeDimension", position)
        yield '</str:DimensionList><str:AttributeList id="AttributeDescriptor">'
        for attribute in flow.attributes:
            usage = ' assignmentStatus="Conditional"' if dialect.refs else ' usage="optional"'
            yield from _component(exchange, dialect, attribute, "Attribute", usage)
        yield '</str:AttributeList><str:MeasureList id="MeasureDescriptor">'
        measure = next(c for c in flow.components if c.role is Role.MEASURE)
        yield from _component(exchange, dialect, measure, "PrimaryMeasure" if dialect.refs else "Measure", "")
        yield "</str:MeasureList></str:DataStructureComponents></str:DataStructure>"


def _component(
    exchange: Exchange, dialect: Dialect, component: Component, tag: str, more: str
) -> Iterator[str]:
    concept = _ref(exchange, dialect, "Concept", names.CONCEPTS, component.id)
    if component.code_list:
        ref = _ref(exchange, dialect, "Codelist", component.code_list)
        held = f"<str:Enumeration>{ref}</str:Enumeration>"
    else:
        held = f'<str:TextFormat textType="{component.kind.value}"/>'
    yield f'<str:{tag} id="{component.id}"{more}><str:ConceptIdentity>{concept}</str:ConceptIdentity>'
    yield f"<str:LocalRepresentation>{held}</str:LocalRepresentation>"
    if component.role is Role.ATTRIBUTE:
        of = '<str:PrimaryMeasure><Ref id="OBS_VALUE"/></str:PrimaryMeasure>'
        of = of if dialect.refs else "<str:Observation/>"
        yield f"<str:AttributeRelationship>{of}</str:AttributeRelationship>"
    yield f"</str:{tag}>"


def _constraints(exchange: Exchange, dialect: Dialect) -> Iterator[str]:
    """The codes that each dataflow really has."""
    tag = "ContentConstraint" if dialect.refs else "DataConstraint"
    kind = ' type="Actual"' if dialect.refs else ' role="Actual"'
    for flow in exchange.dataflows:
        yield _maintainable(exchange, dialect, tag, flow.constraint_id, kind)
        yield from _named("com:Name", flow.names)
        ref = _ref(exchange, dialect, "Dataflow", flow.id)
        yield f"<str:ConstraintAttachment><str:Dataflow>{ref}</str:Dataflow></str:ConstraintAttachment>"
        yield '<str:CubeRegion include="true">'
        space = "com" if dialect.refs else "str"
        for dimension, codes in flow.used.items():
            include = ' include="true"'
            yield f'<{space}:KeyValue id="{dimension}"{include}>'
            yield "".join(f"<{space}:Value>{c}</{space}:Value>" for c in codes) + f"</{space}:KeyValue>"
        yield f"</str:CubeRegion></str:{tag}>"


def _metadata_structures(exchange: Exchange, dialect: Dialect) -> Iterator[str]:
    yield "<str:ConceptSchemes>"
    concepts = metadata_concepts(exchange)
    yield from _scheme(exchange, dialect, names.METADATA_CONCEPTS, exchange.title, concepts)
    yield "</str:ConceptSchemes>"
    target = urn(exchange, "MetadataStructure", names.METADATA_STRUCTURE)
    yield "<str:Metadataflows>" + _maintainable(exchange, dialect, "Metadataflow", names.METADATAFLOW)
    yield from _named("com:Name", exchange.title)
    yield f"<str:Structure>{target}</str:Structure>"
    for flow in exchange.dataflows:
        yield f"<str:Target>{names.flow_urn(exchange, flow)}</str:Target>"
    yield "</str:Metadataflow></str:Metadataflows><str:MetadataStructures>"
    yield _maintainable(exchange, dialect, "MetadataStructure", names.METADATA_STRUCTURE)
    yield from _named("com:Name", exchange.title)
    yield '<str:MetadataStructureComponents><str:MetadataAttributeList id="MetadataAttributeDescriptor">'
    for attribute in merged(exchange):
        yield from _metadata_attribute(exchange, attribute)
    yield "</str:MetadataAttributeList></str:MetadataStructureComponents></str:MetadataStructure>"
    yield "</str:MetadataStructures>"


def merged(exchange: Exchange) -> tuple[Attribute, ...]:
    """The parts that some report has, each with all the parts that it has in any."""
    found: dict[str, dict[str, Attribute]] = {}
    tops: dict[str, Attribute] = {}
    for attribute in (a for r in exchange.reports for a in r.attributes):
        tops.setdefault(attribute.id, attribute)
        for part in attribute.parts:
            found.setdefault(attribute.id, {}).setdefault(part.id, part)
    return tuple(Attribute(a.id, a.names, parts=tuple(found.get(a.id, {}).values())) for a in tops.values())


def _metadata_attribute(exchange: Exchange, attribute: Attribute) -> Iterator[str]:
    presentational = ' isPresentational="true"' if attribute.parts else ""
    occurs = ' minOccurs="0" maxOccurs="1"'
    concept = urn(exchange, "Concept", names.METADATA_CONCEPTS, attribute.id)
    yield f'<str:MetadataAttribute id="{attribute.id}"{occurs}{presentational}>'
    yield f"<str:ConceptIdentity>{concept}</str:ConceptIdentity>"
    held = f'<str:TextFormat textType="{Kind.TEXT.value}" isMultiLingual="true"/>'
    yield f"<str:LocalRepresentation>{held}</str:LocalRepresentation>"
    for part in attribute.parts:
        yield from _metadata_attribute(exchange, part)
    yield "</str:MetadataAttribute>"


def _reported(attribute: Attribute) -> Iterator[str]:
    yield f'<md:Attribute id="{attribute.id}">'
    yield from _named("com:Text", attribute.texts)
    for part in attribute.parts:
        yield from _reported(part)
    yield "</md:Attribute>"


def _series(flow: Dataflow, series: Iterable[Series]) -> Iterator[str]:
    ids = [c.id for c in flow.dimensions]
    for s in series:
        key = " ".join(f'{i}="{v}"' for i, v in zip(ids, s.key, strict=True))
        yield f"<Series {key}>{_observations(s)}</Series>"


def _observations(series: Series) -> str:
    lines = []
    for o in series.observations:
        value = "" if o.value is None else f' OBS_VALUE="{number_text(o.value)}"'
        rest = "".join(f" {k}={_quoted(v)}" for k, v in o.attributes.items())
        lines.append(f'<Obs TIME_PERIOD="{o.time}"{value}{rest}/>')
    return "".join(lines)


def _quoted(value: str | float) -> str:
    return _quoted_text(value) if isinstance(value, str) else f'"{number_text(value)}"'


@cache
def _quoted_text(text: str) -> str:
    """The same few codes stand in every observation."""
    return quoteattr(_FORBIDDEN.sub("", text))

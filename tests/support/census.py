"""A small census of two records, in text of fixed width, with the dictionary that describes it."""

from __future__ import annotations

CSPRO = """[Dictionary]
Version=CSPro 7.7
Label=A small census
Name=CENSUS
RecordTypeStart=1
RecordTypeLen=1
Positions=Relative
ZeroFill=Yes
DecimalChar=No

[Level]
Label=Dwelling
Name=DWELLING

[IdItems]

[Item]
Label=Dwelling number
Name=DWELLING
Start=2
Len=4
DataType=Numeric

[Record]
Label=Person
Name=PERSON
RecordTypeValue='P'
RecordLen=16

[Item]
Label=Line number
Name=LINE
Start=6
Len=2
DataType=Numeric

[Item]
Label=Sexo de la persona
Name=SEX
Start=8
Len=1
DataType=Numeric

[ValueSet]
Label=Sex
Name=SEX_VS1
Value=1;Hombre
Value=2;Mujer
Value=9;No responde
Special=REFUSED

[Item]
Label=Edad en años cumplidos
Name=AGE
Start=9
Len=3
DataType=Numeric

[ValueSet]
Label=Age
Name=AGE_VS1
Value=0:120
Value=999;Sin dato
Special=MISSING

[Item]
Label=Weight
Name=WEIGHT
Start=12
Len=5
DataType=Numeric
Decimal=2

[Record]
Label=Housing
Name=HOUSING
RecordTypeValue='H'
RecordLen=7

[Item]
Label=Rooms
Name=ROOMS
Start=6
Len=2
DataType=Numeric
"""

DATA = """H000103
P0001011034 1250
P0001022999  875
H000201
P0002019007  -25
P0002021  0 1000
"""

SPEC = """
kind: person
tables:
  persons:
    format: {type: fixed_width, dictionary: census.dcf, record: PERSON}
    join: [{table: housing, "on": [DWELLING], prefix: h_}]
  housing: {format: {type: fixed_width, dictionary: census.dcf, record: HOUSING}}
columns:
  person_key: {from: [DWELLING, LINE]}
  sex_code: {from: SEX, recode: {1: M, 2: F}, refused: [9]}
  age_years: {from: AGE}
  weekly_hours: {from: h_ROOMS}
  hourly_earnings: {expression: TRY_CAST(WEIGHT AS DOUBLE) + 1}
deliveries: [{period: 2020, files: {persons: census.dat, housing: census.dat}}]
"""

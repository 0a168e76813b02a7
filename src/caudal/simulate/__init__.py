"""Istmo, a fictional country whose truth is known: a generator, not data.

A population is made, and a census, a survey, a register and permit files are drawn from it with declared
errors, in the layouts in which offices deliver. So every estimate can be compared with the true value, and
nothing about a real person is needed to learn or to test the system.
"""

from caudal.simulate.country import SimulationReport, simulate_country
from caudal.simulate.parameters import CensusErrors, IstmoParameters, RegisterErrors, SurveyDesign
from caudal.simulate.population import Population, make_population
from caudal.simulate.sampling import Frame, make_frame
from caudal.simulate.survey import SurveyDraw, draw_survey

__all__ = [
    "CensusErrors",
    "Frame",
    "IstmoParameters",
    "Population",
    "RegisterErrors",
    "SimulationReport",
    "SurveyDesign",
    "SurveyDraw",
    "draw_survey",
    "make_frame",
    "make_population",
    "simulate_country",
]

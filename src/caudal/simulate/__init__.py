"""Istmo, a fictional country with a known truth."""

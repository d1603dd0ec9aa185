"""Passerelle carries a generative-AI use case from proof of concept to production."""

__version__ = "0.1.0"

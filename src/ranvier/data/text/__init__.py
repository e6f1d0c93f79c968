"""Texts as numbers: tokens, terms, a vocabulary of selected terms."""

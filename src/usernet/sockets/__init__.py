"""Descriptors, socket objects, options and readiness, with Linux's semantics."""

"""Temporary AWS access: read SAML responses as AWS does, choose roles."""

from ._tempaccess import Assertion, Error, Role, __version__, read

__all__ = ["Assertion", "Error", "Role", "__version__", "read"]

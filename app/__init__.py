"""SSO Workbench: configure, try, inspect and explain SAML single sign-on."""

__version__ = "0.1.0"

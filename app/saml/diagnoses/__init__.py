"""From failed checks and their evidence to causes: what is wrong, who acts, and what to do at which vendor.

It judges nothing: the verdict stands before it is asked, and it only explains.
"""

from app.saml.diagnoses import transport, others, signature, status, protocol, identity  # noqa: I001  registration order ranks
from app.saml.diagnoses.registry import Diagnosis, Evidence, Found, diagnose, registered

__all__ = [
    "Diagnosis",
    "Evidence",
    "Found",
    "diagnose",
    "identity",
    "others",
    "protocol",
    "registered",
    "signature",
    "status",
    "transport",
]

"""From failed checks and their evidence to causes: what is wrong, who acts, and what to do at which vendor.

It judges nothing: the verdict stands before it is asked, and it only explains.
"""

from app.saml.diagnoses import metadata, transport, others, signature, status, protocol, identity  # noqa: I001  order ranks
from app.saml.diagnoses.evidence import EvidenceAt
from app.saml.diagnoses.knowledge import Knowledge, knowledge_of
from app.saml.diagnoses.registry import Diagnosis, Evidence, Explained, Found, SettingsChange, diagnose, registered

__all__ = [
    "Diagnosis",
    "Evidence",
    "EvidenceAt",
    "Explained",
    "Found",
    "Knowledge",
    "SettingsChange",
    "diagnose",
    "identity",
    "knowledge_of",
    "metadata",
    "others",
    "protocol",
    "registered",
    "signature",
    "status",
    "transport",
]

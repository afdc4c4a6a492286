"""Where an organisation's workflows live: a definition in this tuple runs."""

from workflows.admission.definition import ADMISSION
from workflows.membership.definition import MEMBERSHIP

WORKFLOWS = (MEMBERSHIP, ADMISSION)

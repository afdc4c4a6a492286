"""Where an organisation's workflows live: a definition in this tuple runs."""

from workflows.membership.definition import MEMBERSHIP

WORKFLOWS = (MEMBERSHIP,)

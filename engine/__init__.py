"""The machinery of any workflow: definitions, calendar, ballots, journal, replay. It knows no dues."""

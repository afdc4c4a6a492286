"""Admissions: a candidate applies, the board decides at its next meeting, and its membership starts and is called."""

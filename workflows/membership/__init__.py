"""The membership dues of an association of associations, through the year."""

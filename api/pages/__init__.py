"""Pages that people open: plain HTML that works without a script, nothing from elsewhere."""

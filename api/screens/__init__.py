"""What the reading commands show: values in, lines and tables out."""

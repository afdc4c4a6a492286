"""The commands, one module per subject: each registers its own, and imports what it needs when it runs."""

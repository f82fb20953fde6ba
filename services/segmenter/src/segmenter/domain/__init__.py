"""Pure decisions: what counts, what it adds up to, which cell that is, and until when."""

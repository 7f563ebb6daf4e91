"""What the note leaves open: every fact is varied, decided again, and told if the codes change (policy section 8)."""

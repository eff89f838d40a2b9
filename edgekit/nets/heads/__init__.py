"""Detection heads: from maps to boxes and scores."""

"""What was measured, as pages and files."""

"""What is bought together, needed again, sold last season."""

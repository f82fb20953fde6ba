"""Files of historical orders and customers: kept, read by a process apart, taken chunk by chunk."""

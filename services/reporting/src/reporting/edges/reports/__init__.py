"""Reports are made by processes of their own: the service's loop stays free."""

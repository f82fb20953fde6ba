"""The command `huiliu`: what an operator does by hand, over the services' HTTP APIs only."""

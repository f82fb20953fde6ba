"""What platforms are asked for, since their webhooks do not repeat what failed."""

"""Pure decisions: who is credited, what a message became, what it earned."""

"""The second reading group: facts in full, for all that is not RFM."""

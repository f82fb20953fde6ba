"""Segmenter: keeps rolling RFM state per customer and announces who changes cell."""

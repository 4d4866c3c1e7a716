"""Measurements side by side, as ratios of one run; never a test."""

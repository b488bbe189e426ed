"""Markdown and SVG as GitHub shows them, for every chapter of a report.

markdown    text that cannot break out of a table
svg         a canvas, two scales, one style sheet
panels      what every diagram shares
"""

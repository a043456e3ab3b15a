"""The checks of Ground Truth. ``python tools/make_prowler.py`` writes these modules from the catalog of findings."""

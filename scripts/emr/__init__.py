"""What scripts/emr_submit.py is made of."""

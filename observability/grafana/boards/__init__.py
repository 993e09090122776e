"""What the three dashboards ask: one file a dashboard, in the words of panels.py."""

"""The definitions of the three dashboards, one module per dashboard, built with the helpers of panels.py."""

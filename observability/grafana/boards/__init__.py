"""The definitions of the dashboards, one module per dashboard, built with the helpers of panels.py."""

"""What people are told, as data: severities, playbooks, messages, limits, dashboards, queries, fixes."""
